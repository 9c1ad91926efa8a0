import fc from 'fast-check';
import { expect, test } from 'vitest';
import { singleRequestSchema } from '../../shared/contract/job-requests.ts';
import type { EstimateSubject } from '../../shared/domain/estimate-subject.ts';
import { estimateJob, type Estimate } from '../../shared/domain/estimate.ts';
import { heldOutLines } from '../../shared/domain/run-length.ts';
import { planRun } from './epochs.ts';

type Dataset = EstimateSubject['datasets'][number];

function estimated(changes: object, dataset: Partial<Dataset>): Estimate {
  const train = { kind: 'train', base: 'tiny', dataset: 'rows', output: { adapter: 'mine' } };
  return estimateJob({
    request: singleRequestSchema.parse({ ...train, ...changes }),
    baseBytes: 1000,
    parameters: 1000,
    contextTokens: 512,
    tensors: [{ name: 'model.layers.0.self_attn.q_proj.weight', shape: [8, 8] }],
    datasets: [{ rows: 100, sizeBytes: 10_000, format: 'text', ...dataset }],
    adapterParameters: [],
  });
}

test('what is estimated in rows is what the trainer does, of any number of rows and epochs', () => {
  const given = fc.record({
    rows: fc.integer({ min: 2, max: 300 }),
    size: fc.integer({ min: 1, max: 40 }),
    epochs: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.double({ min: 0.01, max: 30, noNaN: true })),
    evalFraction: fc.option(fc.double({ min: 0.1, max: 0.4, noNaN: true }), { nil: undefined }),
  });
  fc.assert(
    fc.property(given, ({ rows, size, epochs, evalFraction }) => {
      const left = rows - heldOutLines(rows, evalFraction ?? 0);
      const plan = planRun(Array<number>(left).fill(10), { size: { rows: size }, length: { epochs }, seed: 1 });
      const { steps, stepsAreExact } = estimated({ batch: { rows: size }, epochs, evalFraction }, { rows });
      expect([steps, stepsAreExact]).toEqual([plan.steps, true]);
    }),
  );
});

test('an epoch that does not fill its last step begins the next one anew', () => {
  // 540 rows in one list would make 34 steps of 16
  expect(estimated({ epochs: 20 }, { rows: 27 })).toMatchObject({ steps: 40, stepsAreExact: true });
});

test('where only the tokens tell how many rows or steps there are, nothing is said to be exact', () => {
  expect(estimated({ steps: 7 }, { format: 'messages' })).toMatchObject({ steps: 7, stepsAreExact: true });
  for (const [changes, dataset] of [
    [{ tokens: 5000 }, {}],
    [{ batch: { tokens: 500 } }, {}],
    [{ longRows: 'split' }, {}],
    [{}, { format: 'messages' }],
  ] as const)
    expect(estimated(changes, dataset).stepsAreExact).toBe(false);
});
