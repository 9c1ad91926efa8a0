import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTinyBase } from '../test/support/tiny-base.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-cli-'));
  await writeTinyBase(join(folder, 'base'));
  const rows = Array.from({ length: 12 }, (_, i) => ({ prompt: `${i}:`, completion: ` ${i}` }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  // another project's settings, which must not matter
  await writeFile(join(folder, 'tsconfig.json'), '{"compilerOptions":{"paths":{"node:*":["./nowhere/*"]}}}');
});
afterAll(() => rm(folder, { recursive: true }));

/** The command as a user has it: from a folder of their own. */
async function lorary(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const bin = fileURLToPath(new URL('lorary.js', import.meta.url));
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

test('from any folder: an adapter is trained by flags, and a spec file does the same', async () => {
  const recipe = ['--r', '2', '--steps', '3', '--threads', '1', '--eval-fraction', '0.25'];
  const call = ['train', '--base', 'base', '--data', 'rows.jsonl', '--output', 'flags', ...recipe];
  const byFlags = await lorary(...call, '--json');
  expect(byFlags).toMatchObject({ code: 0, err: '' });
  const report = JSON.parse(byFlags.out) as { kind: string; steps: number; files: Record<string, unknown> };
  expect(report).toMatchObject({ kind: 'train', steps: 3 });

  const printed = await lorary(...call, '--print-spec');
  const spec = { ...(JSON.parse(printed.out) as object), base: 'base', output: 'file' };
  await writeFile(join(folder, 'spec.json'), JSON.stringify(spec));
  const byFile = await lorary('run', 'spec.json');
  expect(byFile.code).toBe(0);
  expect(byFile.out).toMatch(/Trained 3 steps.*Held-out loss.*Written to/s);
  expect(byFile.err).toContain('12 rows'.replace('12', '9'));
  const weights = (name: string): Promise<Buffer> => readFile(join(folder, name, 'adapter_model.safetensors'));
  expect(await weights('file')).toEqual(await weights('flags'));
}, 240_000);

test('an estimate of flags and of a spec file tells steps, memory, time and disk; where nothing fits, it ends with 2', async () => {
  const call = ['estimate', '--base', 'base', '--data', 'rows.jsonl', '--steps', '3', '--eval-fraction', '0.25'];
  const { code, out } = await lorary(...call);
  expect(code).toBe(0);
  expect(out).toMatch(/3 steps over 9 rows \(3 held out\).*Machine: here.*Plan: .*Memory: .*Time: .*Disk: .*taken/s);
  const printed = await lorary('train', ...call.slice(1), '--output', 'later', '--print-spec');
  await writeFile(join(folder, 'later.json'), printed.out);
  const there = await lorary('estimate', 'later.json', '--machine', 'cpu', '--json');
  expect(there).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(there.out)).toMatchObject({ kind: 'estimate', steps: 3, machine: { name: 'cpu' } });
  const tight = await lorary(...call, '--memory-max', '1e6');
  expect(tight.code).toBe(2);
  expect(tight.out).toMatch(/A step takes .* at least.*The smallest class of machines that it fits is/s);
}, 240_000);

test('mistakes end with 2 and are told by the names of the flags, with --json as JSON too', async () => {
  const call = ['evaluate', '--base', './nowhere', '--data', 'rows.jsonl', '--adapter', './none'];
  const plain = await lorary(...call);
  expect(plain).toMatchObject({ code: 2, out: '' });
  expect(plain.err).toMatch(/--base: There is no folder .*nowhere.*--adapter: There is no folder/s);
  const { out } = await lorary(...call, '--json');
  expect(JSON.parse(out)).toMatchObject({ error: { code: 'model' } });
}, 240_000);

test('a dataset that training would refuse is reported and ends with 2, by flags and by a spec file; a good one with 0', async () => {
  await writeFile(join(folder, 'mixed.jsonl'), '{"prompt":"a","completion":" b"}\n{"text":"c"}\nno json');
  const bad = await lorary('data', 'check', '--base', 'base', '--data', 'mixed.jsonl', '--json');
  expect(bad.code).toBe(2);
  expect(JSON.parse(bad.out)).toMatchObject({ kind: 'data-check', lines: 3, rows: 1, errors: 2, usable: false });
  await writeFile(join(folder, 'check.json'), '{"kind":"data-check","base":"base","data":"mixed.jsonl"}');
  const file = await lorary('run', 'check.json');
  expect(file.code).toBe(2);
  expect(file.out).toContain('Training would refuse it.');
  expect(await lorary('data', 'check', '--base', 'base', '--data', 'rows.jsonl')).toMatchObject({ code: 0 });
}, 240_000);

test('a check of adapters ends with 1 when one is not good, and tells which as JSON too', async () => {
  await mkdir(join(folder, 'broken'));
  await writeFile(join(folder, 'broken', 'adapter_model.safetensors'), 'torn');
  const { code, out, err } = await lorary('check', 'broken', '--json');
  expect([code, err]).toEqual([1, '']);
  expect(JSON.parse(out)).toMatchObject({ ok: false, adapters: [{ adapter: 'broken', ok: false }] });
}, 240_000);

test('help, version and what is no command', async () => {
  expect((await lorary('--help')).out).toContain('data check');
  expect((await lorary('data', 'check', '--help')).out).toContain('--context TOKENS');
  expect((await lorary('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await lorary('evalute')).toMatchObject({
    code: 2,
    err: '"evalute" is no command of lorary; did you mean "evaluate"? See lorary --help.\n',
  });
}, 240_000);
