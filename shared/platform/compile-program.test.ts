import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** What a program prints; its temporary files go into the folder of the test, and must be gone with it. */
async function run(source: string, temporary = join(folder, 'temporary')): Promise<string> {
  const program = join(folder, 'program.ts');
  await writeFile(program, source);
  const start = `const { importProgram } = await import(${here('compile-program.mjs')});
    await importProgram(${JSON.stringify(pathToFileURL(program).href)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', start], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (text += piece.toString()));
  await new Promise((done) => child.on('close', done));
  const left = await readdir(join(folder, 'temporary'));
  expect(left.filter((name) => name.startsWith('lorary-program-'))).toEqual([]);
  return text;
}

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
  const said = await run(validating, join(folder, 'no-such-folder'));
  expect(said).toMatch(/^dataset 1 0 file:.*program\.ts\s*$/);
});

test('a program that breaks says so itself', async () => {
  expect(await run('throw new Error("on purpose");')).toContain('Error: on purpose');
});

test('a program runs compiled, its threads too, and finds its files where its sources are', async () => {
  expect(await run(validating)).toMatch(/^dataset 1 3 file:.*program\.ts\s*$/);
});
