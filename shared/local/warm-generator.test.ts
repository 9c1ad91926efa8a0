import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { GenerationRequest, TextGenerator } from '../platform/text-generator.ts';
import { openLocalWorld, type LocalWorld } from './local-world.ts';
import { createWarmGenerator, type WarmGeneratorOptions } from './warm-generator.ts';

/** A process that does as its prompt says, instead of a model's: what it is for is the protocol. */
const obedient = `
  process.on('message', ({ prompts: [{ prompt }], base }) => {
    if (prompt === 'die') process.exit(1);
    if (prompt === 'hang') return;
    const failed = { kind: 'domain', code: 'model', message: 'broken', findings: [] };
    const text = prompt === 'file' ? require('fs').readFileSync(base.folder + '/a/config.json', 'utf8') : String(process.pid);
    const generation = { texts: [{ prompt, text, tokens: 1, end: 'stop' }], seconds: 0 };
    const reply = prompt === 'fail' ? { type: 'failed', failure: failed } : { type: 'done', generation };
    setTimeout(() => process.send(reply), prompt === 'slow' ? 100 : 0);
  });
  process.on('disconnect', () => process.exit());
`;

let folder: string;
let world: LocalWorld;
let generator: TextGenerator;
let request: Omit<GenerationRequest, 'prompts'>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-warm-'));
  world = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'job', durability: 'process-death' });
  const blob = await world.blobs.put('blue/config', new TextEncoder().encode('{}'));
  const base = { id: 'bas_1', files: [{ path: 'a/config.json', blob }] };
  request = { base, maxNewTokens: 1, temperature: 0, topK: 0, topP: 1, seed: 0 };
  await writeFile(join(folder, 'obedient.cjs'), obedient);
  generator = create({});
});
afterEach(async () => {
  await generator.close();
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

function create(given: Partial<WarmGeneratorOptions>): TextGenerator {
  const command = { command: process.execPath, args: [join(folder, 'obedient.cjs')], env: process.env };
  return createWarmGenerator({ folder, blobs: world.blobs, command, ...given });
}

const ask = async (prompt: string, asked = generator): Promise<string | undefined> =>
  (await asked.generate({ ...request, prompts: [{ prompt }] })).texts[0]?.text;

it('takes so many calls at once and refuses one more', async () => {
  const small = create({ waitingMax: 2 });
  const [first, second] = [ask('slow', small), ask('slow', small)];
  await expect(ask('pid', small)).rejects.toThrow(/2 texts wait/);
  expect(await first).toBe(await second);
  expect(await ask('pid', small)).toBe(await first);
  await small.close();
});

it('is unavailable when its process dies, and the next call finds a new one', async () => {
  const before = await ask('pid');
  await expect(ask('die')).rejects.toMatchObject({ name: 'UnavailableError' });
  expect(await ask('pid')).not.toBe(before);
});

it('ends a process that does not answer in time, and those who waited too long are told', async () => {
  const short = create({ callMilliseconds: 1500, graceMilliseconds: 0 });
  const reasons = (await Promise.allSettled([ask('hang', short), ask('pid', short)])).map(
    (result) => result.status === 'rejected' && String(result.reason),
  );
  expect(reasons).toEqual([expect.stringContaining('took too long'), expect.stringContaining('in time')]);
  expect(await ask('pid', short)).toMatch(/^\d+$/);
  await short.close();
});

it('is unavailable when its process cannot be started', async () => {
  const missing = { command: join(folder, 'missing'), args: [], env: {} };
  const told: string[] = [];
  const broken = create({ command: missing, log: (message) => void told.push(message) });
  await expect(ask('pid', broken)).rejects.toMatchObject({ name: 'UnavailableError' });
  expect(told).toHaveLength(1);
  await broken.close();
});

it('passes on what is wrong, and stays', async () => {
  const before = await ask('pid');
  await expect(ask('fail')).rejects.toMatchObject({ name: 'DomainError', code: 'model' });
  expect(await ask('pid')).toBe(before);
});

it('gives its process the files as a folder, and takes them away with it when it has been idle', async () => {
  const idle = create({ idleSeconds: 0.05 });
  expect(await ask('file', idle)).toBe('{}');
  const pid = await ask('pid', idle);
  await setTimeout(300);
  expect(await readdir(folder)).not.toContain('warm');
  expect(await ask('pid', idle)).not.toBe(pid);
  await idle.close();
});

it('answers nothing after it was closed', async () => {
  const running = expect(ask('hang')).rejects.toMatchObject({ name: 'UnavailableError' });
  await setTimeout(100);
  await generator.close();
  await running;
  await expect(ask('pid')).rejects.toMatchObject({ name: 'UnavailableError' });
});
