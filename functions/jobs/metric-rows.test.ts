import { expect, test } from 'vitest';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { streamStep as step } from '../../test/support/stream-step.ts';
import { metricRows } from './metric-rows.ts';

type Content = JobStreamEvent['event'];
const evaluation = (at: number, loss: number): Content => ({ type: 'eval', step: at, loss, tokenAccuracy: 0 });
const run = (firstStep: number): Content => ({
  type: 'run',
  firstStep,
  steps: 9,
  rows: 1,
  evalRows: 1,
  tokens: 1,
  trainedTokens: 1,
  trainableParameters: 1,
});

/** Chunks of two events, from the newest; counts those that were read. */
function backwards(contents: readonly Content[]): { chunks: AsyncIterable<JobStreamEvent[]>; read: () => number } {
  const events = contents.map((event, i) => ({ id: i + 1, at: '', attempt: 1, event }));
  let read = 0;
  async function* chunks(): AsyncGenerator<JobStreamEvent[]> {
    for (let end = events.length; end > 0; end -= 2) {
      read++;
      yield events.slice(Math.max(0, end - 2), end);
    }
  }
  return { chunks: chunks(), read: () => read };
}

const shown = async (contents: readonly Content[], after = -1): Promise<[number, unknown][]> => {
  const rows = await metricRows(backwards(contents).chunks, after);
  return rows.map((row) => [row.step, row['loss'] ?? row['evalLoss']]);
};

test('of steps that were done twice the last time counts, also where the second run got less far', async () => {
  const first = [run(1), evaluation(0, 9), step(1, 1), step(2, 2), step(3, 3), evaluation(3, 33), step(4, 4)];
  const again = [run(3), step(3, 30)];
  expect(await shown([...first, ...again])).toEqual([
    [0, 9],
    [1, 1],
    [2, 2],
    [3, 30],
  ]);
  expect(await shown([...first, ...again, evaluation(3, 34), step(4, 40)])).toEqual([
    [0, 9],
    [1, 1],
    [2, 2],
    [3, 30],
    [3, 34],
    [4, 40],
  ]);
});

test('a checkpoint at an evaluated step keeps its evaluation, which is not done again', async () => {
  const contents = [run(1), step(1, 1), step(2, 2), evaluation(2, 22), run(3), step(3, 3)];
  expect(await shown(contents)).toEqual([
    [1, 1],
    [2, 2],
    [2, 22],
    [3, 3],
  ]);
});

test('only what comes after a step is shown, and the rest is not read', async () => {
  const steps = Array.from({ length: 40 }, (_, i) => step(i + 1, i + 1));
  const { chunks, read } = backwards([run(1), ...steps]);
  expect((await metricRows(chunks, 37)).map((row) => row.step)).toEqual([38, 39, 40]);
  expect(read()).toBeLessThan(5);
});

test('the rows of a long run take time by their number, not by its square', async () => {
  const contents: Content[] = [run(1)];
  for (let at = 1; at <= 100_000; at++) contents.push(step(at, at), ...(at % 2 === 0 ? [evaluation(at, -at)] : []));
  const begun = performance.now();
  const rows = await metricRows(backwards(contents).chunks, 0);
  expect(rows.length).toBe(150_000);
  expect(rows.at(-1)).toMatchObject({ step: 100_000, evalLoss: -100_000 });
  // its square is some ten thousand million comparisons: a minute where this takes a fifth of a second
  expect(performance.now() - begun).toBeLessThan(10_000);
});

const ofTask = (task: string, content: Content): Content => ({ ...content, task }) as Content; // of the kinds that have one

test('of several tasks each has its rows, and what one did twice is not taken from another', async () => {
  const contents = [
    ofTask('a', run(1)),
    ofTask('b', run(1)),
    ofTask('a', step(1, 1)),
    ofTask('b', step(1, 2)),
    ofTask('a', step(2, 3)),
    ofTask('b', evaluation(1, 7)),
    // b had no second step; both go on after the first
    ofTask('a', run(2)),
    ofTask('b', run(2)),
    ofTask('a', step(2, 30)),
    ofTask('b', step(2, 40)),
  ];
  const all = await metricRows(backwards(contents).chunks, -1);
  expect(all.map((row) => [row.step, row.task, row['loss'] ?? row['evalLoss']])).toEqual([
    [1, 'a', 1],
    [1, 'b', 2],
    [1, 'b', 7],
    [2, 'a', 30],
    [2, 'b', 40],
  ]);
  const { chunks, read } = backwards([...Array.from({ length: 20 }, () => ofTask('b', step(0, 9))), ...contents]);
  const own = await metricRows(chunks, 1, 'b');
  expect(own).toMatchObject([{ step: 2, task: 'b', loss: 40 }]);
  expect(read()).toBeLessThan(8);
});
