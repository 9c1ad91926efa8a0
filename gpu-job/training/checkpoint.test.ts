import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCheckpointState, readLatestCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { refuseOtherRun } from './run-identity.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

const shapes = [
  { name: 'a', shape: [2, 2] },
  { name: 'b', shape: [3] },
];
const constants = [{ name: 'c', shape: [2] }];
const method = { parameters: shapes, constants };
const identity = { spec: { seed: 1, optimizer: { learningRate: 0.1 } }, content: { base: 'x' } };
const values = (of: number): Map<string, Float32Array> =>
  new Map(shapes.map(({ name, shape }) => [name, new Float32Array(shape.reduce((a, b) => a * b)).fill(of)]));
const at = (step: number): Checkpoint => ({
  state: {
    step,
    evaluatedStep: step,
    tokens: step * 10,
    spentSeconds: 0,
    seconds: 1.5,
    best: { step: step - 1, loss: 0.5, since: 1 },
    skippedSteps: 1,
    skippedInARow: 0,
    recentNorms: [1, 0.1],
    kept: [],
    metricsBytes: 7,
  },
  best: new Map([...values(step + 1 / 5), ['c', Float32Array.of(0.5, -2)]]),
  parameters: new Map([...values(step + 1 / 3), ['c', Float32Array.of(0.5, -2)]]),
  moments: new Map(
    [...values(0)].map(([name, zeros]) => [
      name,
      { first: zeros.map(() => step / 7), second: zeros.map(() => step / 11) },
    ]),
  ),
});
const write = (step: number, keep = 2): Promise<string> => writeCheckpoint(folder, at(step), method, identity, keep);

test('the newest checkpoint comes back with every bit', async () => {
  await write(3);
  await write(12);
  expect(await readLatestCheckpoint(folder, method)).toEqual({
    ...at(12),
    identity,
    path: join(folder, 'step-00000012'),
  });
  expect((await readCheckpointState(folder))?.identity).toEqual(identity);
});

test('only the last ones are kept, and one of the same step is replaced', async () => {
  for (const step of [1, 2, 3, 3]) await write(step);
  expect((await readdir(folder)).toSorted()).toEqual(['step-00000002', 'step-00000003']);
  await write(4, 1);
  expect(await readdir(folder)).toEqual(['step-00000004']);
});

test('those that are pinned stay beside the last, and go where they are not', async () => {
  for (const step of [1, 2, 3, 4]) await writeCheckpoint(folder, at(step), method, identity, 1, [2]);
  expect((await readdir(folder)).toSorted()).toEqual(['step-00000002', 'step-00000004']);
  await write(5, 1);
  expect(await readdir(folder)).toEqual(['step-00000005']);
});

test('where there is none there is nothing to go on from', async () => {
  expect(await readLatestCheckpoint(join(folder, 'none'), method)).toBeUndefined();
  expect(await readCheckpointState(join(folder, 'none'))).toBeUndefined();
});

test('a checkpoint that the disk spoilt is passed over for the one before', async () => {
  await write(1);
  const path = await write(2);
  const file = join(path, 'moments.safetensors');
  const bytes = await readFile(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(file, bytes);
  expect((await readLatestCheckpoint(folder, method))?.state.step).toBe(1);
  await writeFile(join(folder, 'step-00000001', 'state.json'), '{"version":1');
  await expect(readLatestCheckpoint(folder, method)).rejects.toThrow(/No checkpoint can be read.*step-00000001/s);
});

test('a half-written checkpoint is not one', async () => {
  await write(1);
  await writeFile(join(folder, '.step-00000002.tmp'), '');
  expect((await readLatestCheckpoint(folder, method))?.state.step).toBe(1);
});

test('tensors that do not fit the run are refused by name', async () => {
  await write(1);
  await expect(readLatestCheckpoint(folder, { parameters: [{ name: 'a', shape: [5] }] })).rejects.toThrow(
    /a is missing or has another/,
  );
});

test('a run that differs from the one begun is refused with everything that differs', () => {
  expect(() => refuseOtherRun(identity, identity, 'run')).not.toThrow();
  const other = { spec: { seed: 1, optimizer: { learningRate: 0.2 }, epochs: 3 }, content: { base: 'y' } };
  expect(() => refuseOtherRun(identity, other, 'run')).toThrow(
    [
      '  optimizer.learningRate: was 0.1 and is 0.2 now',
      '  epochs: was not given and is 3 now',
      '  base: its content is not what the run began with',
    ].join('\n'),
  );
});
