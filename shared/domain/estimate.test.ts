import { expect, test } from 'vitest';
import { smolLm135Shape } from '../../test/support/random-base.ts';
import { singleRequestSchema, type SingleRequest } from '../contract/job-requests.ts';
import type { BaseTensor } from './base-modules.ts';
import type { EstimateSubject } from './estimate-subject.ts';
import { estimateJob } from './estimate.ts';
import { modelShape } from './model-shape.ts';

/** Tensors of SmolLM2-135M. */
const tensors: BaseTensor[] = [
  { name: 'model.embed_tokens.weight', shape: [49_152, 576] },
  ...Array.from({ length: 30 }, (_, layer) =>
    Object.entries({
      'self_attn.q_proj': [576, 576],
      'self_attn.k_proj': [192, 576],
      'self_attn.v_proj': [192, 576],
      'self_attn.o_proj': [576, 576],
      'mlp.gate_proj': [1536, 576],
      'mlp.up_proj': [1536, 576],
      'mlp.down_proj': [576, 1536],
    }).map(([name, shape]) => ({ name: `model.layers.${layer}.${name}.weight`, shape })),
  ).flat(),
];

const train = { kind: 'train', base: 'smol', dataset: 'rows', output: { adapter: 'mine' } };
const request = (changes: object): SingleRequest => singleRequestSchema.parse({ ...train, ...changes });
const subject = (changes: object): EstimateSubject => ({
  request: request(changes),
  baseBytes: 269_000_000,
  parameters: 134_515_008,
  contextTokens: 8192,
  tensors,
  datasets: [{ rows: 100, sizeBytes: 40_000, format: 'text' }],
  adapterParameters: [],
});

test('the shape of a model is read off its tensors', () => {
  expect(modelShape(tensors)).toEqual(smolLm135Shape);
  const fused = {
    'self_attn.qkv_proj': [576 + 2 * 192, 576],
    'self_attn.o_proj': [576, 576],
    'mlp.gate_up_proj': [2 * 1536, 576],
  };
  const phi = Object.entries(fused).map(([name, shape]) => ({ name: `model.layers.0.${name}.weight`, shape }));
  expect(modelShape(phi)).toMatchObject({ layers: 1, keyValue: 192, intermediate: 1536 });
});

/** Peak memory as measured, LoRA of rank 16 on all linear modules (`npm run bench -- estimate`); a job holds texts beside it. */
test.each([
  ['fast', 'float32', 538_000_000, 2619e6],
  ['lean', 'float32', 538_000_000, 867e6],
  ['lean', 'bfloat16', 269_000_000, 737e6],
])('a %s step in %s (%i bytes) over a row of 512 tokens takes what was measured', (memory, _, baseBytes, bytes) => {
  const row = { rows: 1, sizeBytes: 4 * 512, format: 'text' } as const;
  const changes = { memory, steps: 100, batch: { microBatchTokens: 512 }, method: { kind: 'lora', config: { r: 16 } } };
  const { memoryBytes } = estimateJob({ ...subject(changes), baseBytes, datasets: [row] });
  expect(memoryBytes).toBeGreaterThan(bytes * 0.95);
  expect(memoryBytes).toBeLessThan(bytes * 1.15 + 100e6);
});

test('a step takes about the time that was measured: on two cores of a laptop 1.76 s for 512 tokens', () => {
  const row = { rows: 1, sizeBytes: 4 * 512, format: 'text' } as const;
  const changes = {
    steps: 100,
    batch: { rows: 1, microBatchTokens: 512 },
    method: { kind: 'lora', config: { r: 16 } },
  };
  const { seconds } = estimateJob({ ...subject(changes), datasets: [row] });
  expect((seconds - 5) / 100).toBeGreaterThan(1.76 / 1.2);
  expect((seconds - 5) / 100).toBeLessThan(1.76 * 1.2);
  const lean = estimateJob({ ...subject({ ...changes, memory: 'lean' }), datasets: [row] });
  expect((lean.seconds - 5) / (seconds - 5)).toBeGreaterThan(1.2);
  expect((lean.seconds - 5) / (seconds - 5)).toBeLessThan(1.5);
});

test('where nothing is said, what the fastest way takes is told', () => {
  const of = (memory: string | undefined): number => estimateJob(subject(memory ? { memory } : {})).memoryBytes;
  expect(of(undefined)).toBe(of('fast'));
  expect(of('lean')).toBeLessThan(of('fast') / 2);
});

test('the length of a run follows from epochs, steps or tokens, whichever is given', () => {
  const length = (changes: object): [number | null, number | null] => {
    const { tokens, steps } = estimateJob(subject(changes));
    return [tokens, steps];
  };
  expect(length({ epochs: 2, batch: { rows: 10 } })).toEqual([20_000, 20]);
  expect(length({ steps: 7, batch: { rows: 10 } })).toEqual([7000, 7]);
  expect(length({ tokens: 5000, batch: { tokens: 500 } })).toEqual([5000, 10]);
  expect(length({ epochs: 1, batch: { rows: 10 }, evalFraction: 0.5 })).toEqual([5000, 5]);
});

test('full fine-tuning takes more memory and time than LoRA, and evaluating less', () => {
  const lora = estimateJob(subject({}));
  const full = estimateJob(subject({ method: { kind: 'full' }, output: { base: 'new' } }));
  const evaluate = estimateJob({
    ...subject({}),
    request: singleRequestSchema.parse({ kind: 'evaluate', base: 'smol', dataset: 'rows' }),
  });
  expect(full.memoryBytes).toBeGreaterThan(lora.memoryBytes);
  expect(full.seconds).toBeGreaterThan(lora.seconds);
  expect(evaluate.seconds).toBeLessThan(lora.seconds);
  expect(evaluate.tokens).toBe(10_000);
});

test('generating takes longer the more is written, and less at once than measuring', () => {
  const generate = (maxNewTokens: number) =>
    estimateJob({
      ...subject({}),
      request: singleRequestSchema.parse({ kind: 'generate', base: 'smol', prompts: [{ prompt: 'Hi' }], maxNewTokens }),
    });
  expect(generate(100).seconds - 5).toBeGreaterThan(1.9 * (generate(50).seconds - 5));
  expect(generate(64)).toMatchObject({
    steps: null,
    tokens: expect.toSatisfy((tokens: number) => tokens > 64) as number,
  });
  const evaluate = singleRequestSchema.parse({ kind: 'evaluate', base: 'smol', dataset: 'rows' });
  expect(generate(64).memoryBytes).toBeLessThan(estimateJob({ ...subject({}), request: evaluate }).memoryBytes);
});

test('packed weights are used as they are stored, in a fast step too', () => {
  const packed = tensors.map((tensor) => (tensor.name.includes('proj') ? { ...tensor, dtype: 'U8' as const } : tensor));
  const changes = { steps: 1, batch: { microBatchTokens: 256 }, method: { kind: 'lora', config: { r: 8 } } };
  const float = estimateJob(subject(changes)).memoryBytes;
  const less = estimateJob({ ...subject(changes), baseBytes: 112_000_000, tensors: packed }).memoryBytes;
  const copies = 8 * 134_515_008;
  expect((float - less) / (copies - 112_000_000)).toBeGreaterThan(0.95);
  expect((float - less) / (copies - 112_000_000)).toBeLessThan(1.1);
});

test('jobs that pass over files are told apart from those that compute', () => {
  const merge = { kind: 'merge', adapter: 'mine', output: { base: 'merged' } };
  const estimate = estimateJob({ ...subject({}), request: singleRequestSchema.parse(merge) });
  expect(estimate).toMatchObject({ tokens: null, steps: null });
  expect(estimate.basis).toMatch(/MB\/s/);
});
