import { expect, test } from 'vitest';
import { majorityShare, summariseScores } from './score-intervals.ts';
import { randomStream } from './random.ts';
import { rowsInMemory } from './token-rows.ts';

test('intervals hold the true value about as often as they say', () => {
  const [truth, rows, trials] = [0.3, 60, 120];
  let held = 0;
  for (let trial = 0; trial < trials; trial++) {
    const random = randomStream(trial, 'sample');
    const labels = new Int32Array(rows).fill(1);
    const correct = labels.map(() => (random.uniform() < truth ? 1 : 0));
    const { exactMatch } = summariseScores({ lossSums: new Float64Array(rows), labels, correct }, 200, trial);
    if (exactMatch.low <= truth && truth <= exactMatch.high) held++;
  }
  expect(held / trials).toBeGreaterThan(0.87);
  expect(held / trials).toBeLessThanOrEqual(1);
});

test('means are over labels, exactness over rows', () => {
  const scores = {
    lossSums: Float64Array.of(6, 1),
    labels: Int32Array.of(3, 1),
    correct: Int32Array.of(2, 1),
  };
  const { loss, tokenAccuracy, exactMatch } = summariseScores(scores, 100, 0);
  expect([loss.value, tokenAccuracy.value, exactMatch.value]).toEqual([7 / 4, 3 / 4, 1 / 2]);
  expect([loss.low, loss.high]).toEqual([1, 2]);
});

test('the commonest answer is told by what is trained, whatever was asked', async () => {
  const row = (prompt: number, ...answer: number[]) => ({
    tokens: Int32Array.of(prompt, ...answer),
    trained: Uint8Array.of(0, ...answer.map(() => 1)),
  });
  const rows = rowsInMemory([row(1, 5, 6), row(2, 5, 6), row(3, 5), row(4, 56)]);
  expect(await majorityShare(rows)).toBe(0.5);
});
