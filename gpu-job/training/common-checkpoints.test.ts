import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { firstState, writeCheckpoint } from './checkpoint.ts';
import { commonCheckpoints } from './common-checkpoints.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-common-'));
});
afterEach(() => rm(folder, { recursive: true }));

const method = { parameters: [{ name: 'a', shape: [1] }] };
const identity = { spec: {}, content: {} };
const values = new Map([['a', Float32Array.of(1)]]);
const moments = new Map([['a', { first: Float32Array.of(0), second: Float32Array.of(0) }]]);

const write = (task: string, ...steps: number[]): Promise<void> =>
  steps.reduce(async (before, step) => {
    await before;
    const content = { state: { ...firstState, step }, parameters: values, moments };
    await writeCheckpoint(join(folder, task), content, method, identity, 9);
  }, Promise.resolve());

/** The steps from which tasks go on, each with all the steps that it has. */
async function stepsOf(tasks: Readonly<Record<string, number>>): Promise<(number | undefined)[]> {
  const runs = Object.entries(tasks).map(([name, steps]) => ({ folder: join(folder, name), steps, method }));
  return (await commonCheckpoints(runs)).map((checkpoint) => checkpoint?.state.step);
}

test('tasks go on together from the last pass that all of them have kept', async () => {
  expect(await stepsOf({ a: 9, b: 9 })).toEqual([undefined, undefined]);
  await write('a', 2, 4);
  await write('b', 2, 4);
  expect(await stepsOf({ a: 9, b: 9 })).toEqual([4, 4]);
  // killed between two of a set
  await write('a', 6);
  expect(await stepsOf({ a: 9, b: 9 })).toEqual([4, 4]);
});

test('one that is done keeps its last step while the others go on', async () => {
  await write('few', 2, 3);
  await write('many', 2, 4, 6);
  expect(await stepsOf({ few: 3, many: 9 })).toEqual([3, 6]);
});

test('a checkpoint that the disk spoilt takes the others of its set with it', async () => {
  await write('a', 2, 4);
  await write('b', 2, 4);
  await writeFile(join(folder, 'b', 'step-00000004', 'parameters.safetensors'), 'spoilt');
  expect(await stepsOf({ a: 9, b: 9 })).toEqual([2, 2]);
});

test('where no pass is common, each goes on from its own newest', async () => {
  await write('a', 2, 4);
  expect(await stepsOf({ a: 9, b: 9 })).toEqual([4, undefined]);
});
