import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { syncFile, syncFolder } from '../../shared/local/durable-files.ts';

const credentialsSchema = z.object({ url: z.string(), key: z.string() });

/** What `lorary` on this machine calls the server with; only the user who runs the server can read it. It is on disk when this returns. */
export async function writeCredentials(folder: string, credentials: z.output<typeof credentialsSchema>): Promise<void> {
  const path = join(folder, 'credentials.json');
  const temporary = `${path}.${process.pid}`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.chmod(0o600); // a file that was there before keeps its own mode
    await file.writeFile(`${JSON.stringify(credentials)}\n`);
    await syncFile(file, 'power-loss');
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(folder, 'power-loss');
}

/** Follows the server to another port. A file that is not there, or leads to another machine, stays as it is. */
export async function updateCredentials(folder: string, url: string): Promise<void> {
  const text = await readFile(join(folder, 'credentials.json'), 'utf8').catch(() => '');
  const parsed = credentialsSchema.safeParse(jsonOf(text));
  if (!parsed.success || parsed.data.url === url || new URL(parsed.data.url).hostname !== '127.0.0.1') return;
  await writeCredentials(folder, { ...parsed.data, url });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
