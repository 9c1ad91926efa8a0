import { expect, test } from 'vitest';
import { jobRequestSchema, type JobRequest } from '../contract/job-requests.ts';
import type { BaseTensor } from './base-modules.ts';
import { estimateJob, type EstimateSubject } from './estimate.ts';
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
const request = (changes: object): JobRequest => jobRequestSchema.parse({ ...train, ...changes });
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
  expect(modelShape(tensors)).toEqual({
    layers: 30,
    hidden: 576,
    queries: 576,
    keyValue: 192,
    headSize: 64,
    intermediate: 1536,
    vocabulary: 49_152,
    tied: true,
  });
  const fused = {
    'self_attn.qkv_proj': [576 + 2 * 192, 576],
    'self_attn.o_proj': [576, 576],
    'mlp.gate_up_proj': [2 * 1536, 576],
  };
  const phi = Object.entries(fused).map(([name, shape]) => ({ name: `model.layers.0.${name}.weight`, shape }));
  expect(modelShape(phi)).toMatchObject({ layers: 1, keyValue: 192, intermediate: 1536 });
});

/** Peak memory and seconds a step as measured: LoRA of rank 16 on all linear modules, two cores. */
test.each([
  [512, 2598e6, 1.76],
  [1024, 4332e6, 2.9],
])(
  'for %i tokens at once, memory is at least what was measured and a step takes about as long',
  (size, bytes, seconds) => {
    const estimate = estimateJob(
      subject({
        steps: 100,
        batch: { tokens: size, microBatchTokens: size },
        method: { kind: 'lora', config: { r: 16 } },
      }),
    );
    expect(estimate.memoryBytes).toBeGreaterThan(bytes * 0.99);
    expect(estimate.memoryBytes).toBeLessThan(bytes * 1.3);
    expect((estimate.seconds - 5) / 100).toBeGreaterThan(seconds / 1.5);
    expect((estimate.seconds - 5) / 100).toBeLessThan(seconds * 1.5);
  },
);

test.each([
  ['float32', 538_000_000, 512, 1029e6],
  ['bfloat16', 269_000_000, 512, 864e6],
  ['bfloat16', 269_000_000, 2048, 1981e6],
])(
  'a lean step in %s (%i bytes) over a row of %i tokens takes about the memory that was measured',
  (_, baseBytes, size, bytes) => {
    const row = { rows: 1, sizeBytes: 4 * size, format: 'text' } as const;
    const changes = {
      memory: 'lean',
      steps: 100,
      batch: { microBatchTokens: size },
      method: { kind: 'lora', config: { r: 16 } },
    };
    const { memoryBytes } = estimateJob({ ...subject(changes), baseBytes, datasets: [row] });
    expect(memoryBytes).toBeGreaterThan(bytes * 0.99);
    expect(memoryBytes).toBeLessThan(bytes * 1.4);
    expect(
      estimateJob({ ...subject({ ...changes, memory: 'fast' }), baseBytes, datasets: [row] }).memoryBytes,
    ).toBeGreaterThan(1.5 * memoryBytes);
  },
);

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
    request: jobRequestSchema.parse({ kind: 'evaluate', base: 'smol', dataset: 'rows' }),
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
      request: jobRequestSchema.parse({ kind: 'generate', base: 'smol', prompts: [{ prompt: 'Hi' }], maxNewTokens }),
    });
  expect(generate(100).seconds - 5).toBeGreaterThan(1.9 * (generate(50).seconds - 5));
  expect(generate(64)).toMatchObject({
    steps: null,
    tokens: expect.toSatisfy((tokens: number) => tokens > 64) as number,
  });
  const evaluate = jobRequestSchema.parse({ kind: 'evaluate', base: 'smol', dataset: 'rows' });
  expect(generate(64).memoryBytes).toBeLessThan(estimateJob({ ...subject({}), request: evaluate }).memoryBytes);
});

test('packed weights are used as they are stored, in a fast step too', () => {
  const packed = tensors.map((tensor) => (tensor.name.includes('proj') ? { ...tensor, dtype: 'U8' as const } : tensor));
  const changes = { steps: 1, batch: { microBatchTokens: 256 }, method: { kind: 'lora', config: { r: 8 } } };
  const float = estimateJob(subject(changes)).memoryBytes;
  const less = estimateJob({ ...subject(changes), baseBytes: 112_000_000, tensors: packed }).memoryBytes;
  expect(float - less).toBeCloseTo(1.1 * (8 * 134_515_008 - 112_000_000), -3);
});

test('jobs that pass over files are told apart from those that compute', () => {
  const merge = { kind: 'merge', adapter: 'mine', output: { base: 'merged' } };
  const estimate = estimateJob({ ...subject({}), request: jobRequestSchema.parse(merge) });
  expect(estimate).toMatchObject({ tokens: null, steps: null });
  expect(estimate.basis).toMatch(/MB\/s/);
});
