import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-compile-'));
  await mkdir(join(folder, 'temporary'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const here = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));

const program = (): string => join(folder, 'program.ts');

/** What a program prints. Nothing may be left in the temporary folder of the system, and what is kept stands in `place`. */
async function run(source: string, place = join(folder, 'programs'), kill = false): Promise<string> {
  await writeFile(program(), source);
  const start = `const { importProgram } = await import(${here('compile-program.mjs')});
    await importProgram(${JSON.stringify(pathToFileURL(program()).href)}, ${JSON.stringify([place])});
    ${kill ? "process.kill(process.pid, 'SIGKILL');" : ''}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', start], {
    env: { ...process.env, TMPDIR: join(folder, 'temporary') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (text += piece.toString()));
  await new Promise((done) => child.on('close', done));
  // the loader keeps what it compiles there
  expect((await readdir(join(folder, 'temporary'))).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
  return text;
}

const kept = async (): Promise<string[]> =>
  (await readdir(join(folder, 'programs')).catch(() => [])).filter((name) => !name.endsWith('.json'));

/** Validates a dataset in the thread that a server starts, and says whether that was compiled. */
const validating = `
  import { getEnvironmentData } from 'node:worker_threads';
  import { createInspectThread } from ${here('../../functions/validator/inspect-in-thread.ts')};
  import { bytesSource } from ${here('../formats/bytes.ts')};
  const bytes: Uint8Array = new TextEncoder().encode('{"text":"a"}');
  const report = await createInspectThread().inspect({ kind: 'dataset' }, [bytesSource(bytes, 'data.jsonl')]);
  const compiled = getEnvironmentData('compiledPrograms') as Record<string, string> | undefined;
  console.log(report.kind, 'lines' in report && report.lines, Object.keys(compiled ?? {}).length, import.meta.url);`;

test('a program that can be compiled nowhere runs by the loader, and so do its threads', async () => {
  await writeFile(join(folder, 'a-file'), '');
  const said = await run(validating, join(folder, 'a-file', 'programs'));
  expect(said).toMatch(/^dataset 1 0 file:.*program\.ts\s*$/);
});

test('a program that breaks says so itself', async () => {
  expect(await run('throw new Error("on purpose");')).toContain('Error: on purpose');
});

test('a program runs compiled, its threads too, and finds its files where its sources are', async () => {
  expect(await run(validating)).toMatch(/^dataset 1 3 file:.*program\.ts\s*$/);
  // also where the place is a link to another one
  await mkdir(join(folder, 'elsewhere', 'deep'), { recursive: true });
  await symlink(join(folder, 'elsewhere', 'deep'), join(folder, 'link'));
  expect(await run(validating, join(folder, 'link', 'programs'))).toMatch(/^dataset 1 3 file:.*program\.ts\s*$/);
});

test('a program is compiled once, however it ended, and again when a source or what it became has changed', async () => {
  const hello = (name: string): string => `import { name } from './name.ts'; console.log('hello', name, '${name}');`;
  const named = (name: string): Promise<void> =>
    writeFile(join(folder, 'name.ts'), `export const name: string = '${name}';`);
  await named('a');
  const before = await kept();
  const made = async (): Promise<string[]> => (await kept()).filter((name) => !before.includes(name));
  expect(await run(hello('x'), undefined, true)).toContain('hello a x');
  expect(await made()).toHaveLength(1);
  expect(await run(hello('x'))).toContain('hello a x');
  expect(await made()).toHaveLength(1);
  // an imported source
  await named('b');
  expect(await run(hello('x'))).toContain('hello b x');
  expect(await made()).toHaveLength(2);
  // what the disk lost
  const newest = join(folder, 'programs', (await made()).at(-1) ?? '');
  for (const name of await made()) await writeFile(join(folder, 'programs', name, 'program.mjs'), '');
  expect(await run(hello('x'))).toContain('hello b x');
  expect(await made()).toHaveLength(3);
  expect(await readdir(newest)).toContain('program.mjs');
});

test('what nobody needs any more goes a day later, with the next program that is compiled', async () => {
  const [old = '', ...others] = await kept();
  const orphan = await mkdtemp(join(folder, 'programs', 'program-'));
  const longAgo = Date.now() / 1000 - 86_401;
  for (const path of [join(folder, 'programs', old), orphan]) await utimes(path, longAgo, longAgo);
  await run('console.log("another");');
  expect(await kept()).toEqual(expect.arrayContaining(others));
  expect(await kept()).not.toContain(old);
  expect(await kept()).not.toContain(basename(orphan));
});

test('the space for new objects stays small, also when a thread has started', async () => {
  const said = await run(`${validating}
    import { getHeapSpaceStatistics } from 'node:v8';
    let kept: object[] = [];
    for (let i = 0; i < 1e6; i++) {
      if (i % 30_000 === 0) kept = [];
      kept.push({ i });
    }
    const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    console.log(kept.length, space && space.space_size);`);
  // two halves of a megabyte each; it grows to eight times as much otherwise
  expect(Number(said.trim().split(' ').at(-1))).toBeLessThan(3 << 20);
});
