import { expect, test } from 'vitest';
import { DomainError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { parseSpec } from './parse-spec.ts';

const train = {
  kind: 'train',
  base: 'base',
  output: 'out',
  data: { train: 'rows.jsonl' },
  method: { kind: 'lora' },
};

function refusals(spec: unknown): string[] {
  try {
    parseSpec(spec);
  } catch (error) {
    if (error instanceof DomainError) return error.findings.map(({ where, message }) => `${where}: ${message}`);
    throw error;
  }
  return [];
}

test('five mistakes in one spec are five findings with their paths', () => {
  const spec = {
    ...train,
    base: 7,
    data: { train: 'rows.jsonl', evalFration: 0.1 },
    method: { kind: 'lora', config: { r: 0, lora_dropout: 1 } },
    epochs: 1,
    steps: 5,
  };
  expect(refusals(spec).toSorted()).toEqual([
    'base: is 7; wanted is a string',
    'data.evalFration: is not a known key; did you mean "evalFraction"?',
    'epochs: only one of epochs, steps and tokens may be given',
    'method.config.lora_dropout: is 1; wanted is less than 1',
    'method.config.r: is 0; wanted is at least 1',
  ]);
});

test('what is missing is named with what belongs there', () => {
  expect(refusals({ kind: 'train' }).toSorted()).toEqual([
    'base: is missing; wanted is a string',
    'data: is missing; wanted is an object',
    'method: is missing; wanted is an object',
    'output: is missing; wanted is a string',
  ]);
});

test('a kind that is no job is refused, with the one that was probably meant', () => {
  expect(refusals({ kind: 'trian' })).toEqual(['kind: "trian" is not a kind of job; did you mean "train"?']);
  expect(refusals({})).toEqual([
    'kind: is missing: one of train, train-tasks, sweep, find-rate, estimate, evaluate, generate, compose, merge, export, quantize, data-check',
  ]);
  expect(refusals({ kind: 'toString' })).toHaveLength(1);
  expect(refusals(null)).toEqual(['undefined: a spec is a JSON object with a "kind"']);
  expect(refusals([train])).toHaveLength(1);
});

test('alternatives of a value are all named, and a method that is none', () => {
  const config = { target_modules: 3 };
  expect(refusals({ ...train, method: { kind: 'lora', config } })).toEqual([
    'method.config.target_modules: is 3; wanted is an array or a string',
  ]);
  expect(refusals({ ...train, method: { kind: 'dora' } })).toEqual([
    'method.kind: must be "lora" or "full" or "continue"',
  ]);
  expect(refusals({ ...train, method: { kind: 'full', config: {} } })).toEqual(['method.config: is not a known key']);
  expect(refusals({ ...train, samples: { prompts: [{ prompt: '' }] } })).toEqual([
    'samples.prompts[0].prompt: is ""; wanted is at least 1 character',
  ]);
});

test('things that exclude each other are refused in every section', () => {
  expect(
    refusals({
      ...train,
      batch: { rows: 4, tokens: 100 },
      schedule: { warmupSteps: 1, warmupRatio: 0.1 },
      data: { train: 'a', eval: 'b', evalFraction: 0.1 },
    }),
  ).toHaveLength(3);
  const compose = { kind: 'compose', type: 'cat', members: [{ adapter: 'a' }], output: 'o' };
  expect(refusals({ ...compose, rank: 4 })).toEqual([
    'rank: only svd takes a rank: the others have the rank that follows from their members',
  ]);
  expect(parseSpec(compose)).toMatchObject({ mode: 'exact', members: [{ weight: 1 }] });
});

test('the smallest specs are filled with defaults', () => {
  expect(parseSpec(train)).toMatchObject({
    method: { config: { r: 8, lora_alpha: 8, target_modules: 'all-linear', task_type: 'CAUSAL_LM' } },
    batch: { microBatchTokens: 1024, packing: true },
    optimizer: { clipNorm: 1, weightDecay: 0 },
    schedule: { kind: 'cosine' },
    checkpoint: { everySeconds: 300, keep: 2 },
    seed: 0,
  });
  expect(parseSpec({ kind: 'merge', base: 'b', adapter: 'a', output: 'o' })).toMatchObject({ dtype: 'keep' });
  expect(parseSpec({ kind: 'evaluate', base: 'b', data: 'd' })).toMatchObject({ bootstrapSamples: 1000 });
  expect(parseSpec({ kind: 'generate', base: 'b', prompts: [{ prompt: 'x' }] })).toMatchObject({ temperature: 0 });
  expect(parseSpec({ kind: 'data-check', base: 'b', data: 'd' })).toBeTruthy();
});

test('every bound of a spec holds at its value and is refused one past it', () => {
  const prompts = (count: number): unknown[] => Array.from({ length: count }, () => ({ prompt: 'x' }));
  const member = { adapter: 'a' };
  const compose = { kind: 'compose', type: 'svd', output: 'o' };
  const evaluate = { kind: 'evaluate', base: 'b', data: 'd' };
  const bounds: [limit: number, make: (value: number) => unknown][] = [
    [limits.threadsMax, (threads) => ({ ...evaluate, threads })],
    [limits.bootstrapSamplesMax, (bootstrapSamples) => ({ ...evaluate, bootstrapSamples })],
    [limits.promptsMax, (count) => ({ kind: 'generate', base: 'b', prompts: prompts(count) })],
    [limits.samplePromptsMax, (count) => ({ ...train, samples: { prompts: prompts(count) } })],
    [
      limits.mixedDatasetsMax,
      (count) => ({ ...train, data: { train: 'a', mix: Array.from({ length: count }, () => ({ rows: 'b' })) } }),
    ],
    [limits.mixWeightMax, (weight) => ({ ...train, data: { train: 'a', mix: [{ rows: 'b', weight }] } })],
    [limits.checkpointsKeptMax, (keep) => ({ ...train, checkpoint: { keep } })],
    [limits.composeMembersMax, (count) => ({ ...compose, members: Array.from({ length: count }, () => member) })],
    [limits.loraRankMax, (rank) => ({ ...compose, members: [member], rank })],
    [limits.loraRankMax, (r) => ({ ...train, method: { kind: 'lora', config: { r } } })],
    [limits.previewRowsMax, (previewRows) => ({ kind: 'data-check', base: 'b', data: 'd', previewRows })],
    [2 ** 32 - 1, (seed) => ({ ...evaluate, seed })],
  ];
  for (const [limit, make] of bounds) {
    expect(refusals(make(limit))).toEqual([]);
    expect(refusals(make(limit + 1))).toHaveLength(1);
  }
});
