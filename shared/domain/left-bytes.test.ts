import { expect, test } from 'vitest';
import { jobRequestSchema, type SingleRequest } from '../contract/job-requests.ts';
import { leftBytes, type LeavingSubject } from './left-bytes.ts';

const left = (request: object, changes: Partial<LeavingSubject> = {}) =>
  leftBytes({
    request: jobRequestSchema.parse(request) as SingleRequest,
    baseBytes: 2e9,
    parameters: 1e9,
    adapterParameters: [3e6, 4e6],
    trained: 5e6,
    ...changes,
  });
const train = { kind: 'train', base: 'smol', dataset: 'rows', output: { adapter: 'mine' } };

test('a training leaves its result and two checkpoints of values, moments and the best values', () => {
  expect(left(train)).toEqual({ outputBytes: [2 * 4 * 5e6 + 1e6], traceBytes: 2 * (16 * 5e6 + 1e6) });
  const whole = { ...train, method: { kind: 'full' }, output: { base: 'new' } };
  expect(left(whole, { trained: 1e9 })).toEqual({ outputBytes: [2e9 + 4e7], traceBytes: 2 * (16e9 + 1e6) });
  expect(left({ ...whole, outputDtype: 'f32' }).outputBytes).toEqual([4e9 + 4e7]);
});

test('other jobs leave what they make, and those that only tell something leave nothing', () => {
  const nothing = { outputBytes: [], traceBytes: 0 };
  expect(left({ kind: 'evaluate', base: 'smol', dataset: 'rows' })).toEqual(nothing);
  expect(left({ kind: 'generate', base: 'smol', prompts: [{ prompt: 'a' }] })).toEqual(nothing);
  expect(left({ kind: 'compose', composition: 'both', output: { adapter: 'new' } })).toEqual({
    outputBytes: [4 * 7e6 + 1e6],
    traceBytes: 0,
  });
  const merge = { kind: 'merge', adapter: 'mine', output: { base: 'new' } };
  expect(left(merge)).toEqual({ outputBytes: [2e9 + 4e7], traceBytes: 0 });
  expect(left({ ...merge, dtype: 'f32' }).outputBytes).toEqual([4e9 + 4e7]);
  expect(left({ kind: 'export', base: 'smol', format: 'merged-gguf', dtype: 'q8_0' })).toEqual({
    outputBytes: [],
    traceBytes: 1.0625e9 + 4e7,
  });
  expect(left({ kind: 'export', adapter: 'mine', format: 'peft' }).traceBytes).toBe(8 * 7e6 + 1e6);
});
