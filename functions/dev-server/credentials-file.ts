import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { syncFile, syncFolder } from '../../shared/local/durable-files.ts';

const credentialsSchema = z.object({ url: z.string(), key: z.string() });
type Credentials = z.output<typeof credentialsSchema>;

/** What a login may have left here: other servers, with keys that may stand nowhere else. */
const storedSchema = credentialsSchema.extend({ others: z.array(credentialsSchema).optional() });

/** What `lorary` on this machine calls the server with. It is on disk when this returns; a login elsewhere stays among the others. */
export async function writeCredentials(folder: string, credentials: Credentials): Promise<void> {
  const before = await readStored(folder);
  const known = before ? [{ url: before.url, key: before.key }, ...(before.others ?? [])] : [];
  // a key of this machine's server is replaced by this one
  await writeStored(
    folder,
    credentials,
    known.filter(({ url }) => !isHere(url)),
  );
}

/** Follows the server to another port. A file that is not there, or does not lead to this machine, stays as it is. */
export async function updateCredentials(folder: string, url: string): Promise<void> {
  const stored = await readStored(folder);
  if (!stored) return;
  const { others = [] } = stored;
  const followed = [stored, ...others].map((known) => ({ url: isHere(known.url) ? url : known.url, key: known.key }));
  const [first, ...rest] = followed;
  const isSame = [stored, ...others].every((known, at) => known.url === followed[at]?.url);
  if (first && !isSame) await writeStored(folder, first, rest);
}

const isHere = (url: string): boolean => URL.canParse(url) && new URL(url).hostname === '127.0.0.1';

async function readStored(folder: string): Promise<z.output<typeof storedSchema> | undefined> {
  const text = await readFile(join(folder, 'credentials.json'), 'utf8').catch(() => '');
  return storedSchema.safeParse(jsonOf(text)).data;
}

/** Only the user who runs the server can read it. */
async function writeStored(folder: string, credentials: Credentials, others: readonly Credentials[]): Promise<void> {
  const path = join(folder, 'credentials.json');
  const temporary = `${path}.${process.pid}`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.chmod(0o600); // a file that was there before keeps its own mode
    await file.writeFile(`${JSON.stringify({ ...credentials, ...(others.length > 0 ? { others } : {}) })}\n`);
    await syncFile(file, 'power-loss');
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(folder, 'power-loss');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
