import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileAtomic, writeFolderAtomic } from './files.ts';
import { removeLeftovers, replacedBeside, temporaryBeside } from './temporary-names.ts';

let folder = '';
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-leftovers-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** A process that stands still in the middle of writing a file and a folder. */
async function standingWriter(): Promise<ChildProcess> {
  const files = new URL('files.ts', import.meta.url).href;
  const program = `
    import { appendFile } from 'node:fs/promises';
    import { join } from 'node:path';
    import { writeFileAtomic, writeFolderAtomic } from ${JSON.stringify(files)};
    const stand = async () => { console.log('half'); await new Promise(() => setInterval(() => undefined, 1000)); };
    const half = async (temporary) => { await appendFile(join(temporary, 'f'), 'half'); await stand(); };
    await Promise.all([writeFolderAtomic('out', half), writeFileAtomic('file', stand)]);`;
  await writeFile(join(folder, 'writer.mjs'), program);
  const tsx = import.meta.resolve('tsx');
  const started = spawn(process.execPath, ['--import', tsx, 'writer.mjs'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  await new Promise<void>((resolve) => {
    started.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString();
      if (out === 'half\nhalf\n') resolve();
    });
  });
  await rm(join(folder, 'writer.mjs'));
  return started;
}

const fill = (temporary: string): Promise<void> => writeFile(join(temporary, 'f'), 'whole');
const hidden = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('.'));

test('what a killed process left goes with the next writing of the same path, and what a living one writes stays', async () => {
  child = await standingWriter();
  await writeFolderAtomic(join(folder, 'out'), fill);
  await writeFileAtomic(join(folder, 'file'), 'whole');
  expect(await hidden()).toHaveLength(2);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await writeFolderAtomic(join(folder, 'other'), fill);
  expect(await hidden()).toHaveLength(2); // of another path
  await writeFolderAtomic(join(folder, 'out'), fill, { replace: true });
  await writeFileAtomic(join(folder, 'file'), 'whole');
  expect(await readdir(folder)).toEqual(['file', 'other', 'out']);
}, 60_000);

test('content that was moved aside goes back when its process was killed before the new took its place', async () => {
  const place = join(folder, 'out');
  // as a process wrote it that had the id of this one and began long ago
  const temporary = temporaryBeside(place).replace(/-[0-9a-z]+-(?=[0-9a-f]{8}\.)/, '-1-');
  await mkdir(temporary);
  await mkdir(replacedBeside(temporary));
  await writeFile(join(replacedBeside(temporary), 'f'), 'old');
  await expect(writeFolderAtomic(place, fill)).rejects.toMatchObject({ code: 'folder-exists' });
  expect(await readFile(join(place, 'f'), 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['out']);
});

test('what this process writes, what another machine writes and what only looks alike stays', async () => {
  const own = temporaryBeside(join(folder, 'out'));
  const others = own.replace(/-[0-9a-f]{8}\./, '-00000000.').replace(/-[0-9a-z]+-(?=[0-9a-f]{8}\.)/, '-1-');
  const alike = join(folder, '.out.backup.tmp');
  for (const path of [own, others, alike]) await mkdir(path);
  await removeLeftovers(folder);
  expect(await hidden()).toHaveLength(3);
});
