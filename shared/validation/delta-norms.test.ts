import { expect, test } from 'vitest';
import {
  factors,
  memoryFiles,
  safetensorsBytes,
  sha256,
  type MemoryTensors,
} from '../../test/support/memory-adapter.ts';
import type { AdapterValidation } from '../contract/adapter-validation.ts';
import { sameDelta } from '../domain/same-delta.ts';
import { storedLora, type StoredPair } from '../domain/stored-lora.ts';
import { bytesSource } from '../formats/bytes.ts';
import { decodeToFloat32 } from '../formats/dtype.ts';
import type { TensorEntry } from '../formats/safetensors-header.ts';
import { readSafetensorsHeader, readTensor } from '../formats/safetensors-read.ts';
import { limits } from '../limits.ts';
import { readOnce } from './read-once.ts';
import { scanWeights, type WeightsScan } from './scan-weights.ts';
import { validateAdapter } from './validate-adapter.ts';

const shapes = [
  ['a.q', 1, 5, 7],
  ['a.k', 2, 33, 4],
  ['b.q', 5, 1030, 17],
  ['b.k', 7, 8, 3000],
] as const;
const all = (dtype: 'F32' | 'BF16' | 'F16' | 'F64'): MemoryTensors =>
  Object.assign(
    {},
    ...shapes.map(([module, r, inputs, outputs]) => factors(module, r, inputs, outputs, dtype)),
  ) as MemoryTensors;
const config = {
  peft_type: 'LORA',
  r: 2,
  lora_alpha: 3,
  target_modules: ['q', 'k'],
  rank_pattern: { 'a.q': 1, 'b.q': 5, 'b.k': 7 },
};

/** B A by its definition. */
function denseNorm(A: Float32Array, B: Float32Array, { r, inFeatures, outFeatures }: StoredPair<TensorEntry>): number {
  let sum = 0;
  for (let o = 0; o < outFeatures; o++)
    for (let i = 0; i < inFeatures; i++) {
      let value = 0;
      for (let k = 0; k < r; k++) value += (B[o * r + k] as number) * (A[k * inFeatures + i] as number);
      sum += value * value;
    }
  return Math.sqrt(sum);
}

async function validated(tensors: MemoryTensors, settings: object = config): Promise<AdapterValidation> {
  return validateAdapter(memoryFiles(settings, await safetensorsBytes(tensors)), { newHash: sha256 });
}

test.each(['F32', 'F16', 'BF16', 'F64'] as const)('norms of %s are those of the products', async (dtype) => {
  const bytes = bytesSource(await safetensorsBytes(all(dtype)));
  const { tensors } = await readSafetensorsHeader(bytes);
  const { pairs } = storedLora(undefined, tensors.values());
  const { modules } = await validated(all(dtype));
  expect(modules).toHaveLength(shapes.length);
  for (const { module, r, deltaNorm } of modules) {
    const pair = pairs.get(module) as StoredPair<TensorEntry>;
    const read = async (entry: TensorEntry): Promise<Float32Array> =>
      decodeToFloat32(dtype, await readTensor(bytes, entry));
    const expected = (3 / r) * denseNorm(await read(pair.A), await read(pair.B), pair);
    expect(Math.abs((deltaNorm as number) - expected) / expected).toBeLessThan(1e-10);
  }
});

test('it makes no difference how little is held at once', async () => {
  const bytes = await safetensorsBytes(all('BF16'));
  const scan = async (bounds?: Parameters<typeof scanWeights>[3]): Promise<WeightsScan> => {
    const source = readOnce(bytesSource(bytes), { hash: sha256(), windowBytes: 999 });
    const { tensors } = await readSafetensorsHeader(source);
    return scanWeights(source, tensors.values(), storedLora(undefined, tensors.values()).pairs, bounds);
  };
  const expected = await scan();
  for (const bounds of [
    { chunkBytes: 40, valuesMax: 1e6, pendingBytesMax: 1e6 },
    { chunkBytes: 4096, valuesMax: 1e6, pendingBytesMax: 0 },
    { chunkBytes: 64, valuesMax: 100, pendingBytesMax: 1000 },
  ]) {
    const { deltas } = await scan(bounds);
    expect(deltas.size).toBe(shapes.length);
    for (const [module, { norm, probe }] of deltas) {
      expect(norm).toBeCloseTo(expected.deltas.get(module)?.norm ?? Number.NaN, 8);
      expect(probe).toBeCloseTo(expected.deltas.get(module)?.probe ?? Number.NaN, 8);
    }
  }
});

test('a norm is computed up to the limit of the rank, and one past it is left out with a word', async () => {
  for (const [r, known] of [
    [limits.validationRankMax, true],
    [limits.validationRankMax + 1, false],
  ] as const) {
    const { modules, findings, ok } = await validated(factors('a.q', r, 2, 1), { ...config, r, rank_pattern: {} });
    expect([ok, modules[0]?.deltaNorm !== null, findings.some(({ code }) => code === 'norm-skipped')]).toEqual([
      true,
      known,
      !known,
    ]);
  }
});

test('factors too large for float32 have no norm', async () => {
  const [A = '', B = ''] = Object.keys(factors('a.q', 1, 2, 2));
  const huge: MemoryTensors = {
    [A]: { shape: [1, 2], dtype: 'F64', doubles: [1e300, 1] },
    [B]: { shape: [2, 1] },
  };
  const { ok, modules } = await validated(huge);
  expect([ok, modules[0]?.deltaNorm, modules[0]?.deltaProbe]).toEqual([true, null, null]);
});

test('equal deltas are known in another type, rank and scale; different ones are not', async () => {
  const one = factors('a.q', 2, 6, 8);
  const values = async (tensors: MemoryTensors): Promise<Float32Array[]> => {
    const source = bytesSource(await safetensorsBytes(tensors));
    const { tensors: entries } = await readSafetensorsHeader(source);
    return Promise.all(
      [...entries.values()].map(async (entry) => decodeToFloat32('F32', await readTensor(source, entry))),
    );
  };
  const [A = new Float32Array(), B = new Float32Array()] = await values(one);
  const [nameA = '', nameB = ''] = Object.keys(one);
  const plain = { peft_type: 'LORA', r: 2, lora_alpha: 2, target_modules: ['q'] };
  const original = await validated(one, plain);
  const wider: MemoryTensors = {
    [nameA]: { shape: [3, 6], values: [...A, ...Array<number>(6).fill(0)] },
    [nameB]: {
      shape: [8, 3],
      values: Array.from({ length: 8 }, (_, o) => [(B[2 * o] as number) / 4, (B[2 * o + 1] as number) / 4, 9]).flat(),
    },
  };
  const same = [
    await validated(
      { [nameA]: { shape: [2, 6], dtype: 'BF16', values: A }, [nameB]: { shape: [8, 2], dtype: 'BF16', values: B } },
      plain,
    ),
    await validated(wider, { ...plain, r: 3, lora_alpha: 12 }),
    await validated(
      {
        [nameA]: { shape: [2, 6], values: [...A.slice(6), ...A.slice(0, 6)] },
        [nameB]: { shape: [8, 2], values: Array.from({ length: 16 }, (_, i) => B[i ^ 1] as number) },
      },
      plain,
    ),
  ];
  for (const other of same) expect(sameDelta(original, other)).toBe(true);
  const different = [
    await validated(one, { ...plain, lora_alpha: 2.1 }),
    await validated(
      {
        [nameA]: { shape: [2, 6], values: A.map((value, i) => (i === 3 ? -value : value)) },
        [nameB]: { shape: [8, 2], values: B },
      },
      plain,
    ),
    await validated({ ...one, ...factors('b.q', 2, 6, 8) }, plain),
  ];
  for (const other of different) expect(sameDelta(original, other)).toBe(false);
});
