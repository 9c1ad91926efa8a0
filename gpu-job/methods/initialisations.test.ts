import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLoraConfig } from '../../shared/methods/lora-config-file.ts';
import { tinyLlamaConfig, writeRandomBase } from '../../test/support/random-base.ts';
import { openBaseModel, readTensorFloat32, type BaseModelFolder } from '../folders/base-model.ts';
import { loraInitialisation } from './initialisations.ts';
import { initialLora } from './initial-lora.ts';
import { initialName, loraA, loraB } from './lora-variant.ts';
import { tunedModel } from './tuned-model.ts';

/** Wider than what is decomposed whole: 80 x 80 and, transposed to each other, 80 x 120. */
const wide = { ...tinyLlamaConfig, hidden_size: 80, intermediate_size: 120, num_attention_heads: 4, head_dim: 20 };
const modules = ['self_attn.q_proj', 'mlp.up_proj', 'mlp.down_proj'].map((name) => `model.layers.1.${name}`);
const [r, scaling] = [6, 2.5];

let folder = '';
const bases: Record<string, BaseModelFolder> = {};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-initialisations-'));
  for (const dtype of ['F32', 'BF16'] as const) {
    await writeRandomBase(join(folder, dtype), wide, { dtype });
    bases[dtype] = await openBaseModel(join(folder, dtype));
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function factorsOf(name: string | true, module: string, dtype = 'F32', seed = 1) {
  const base = bases[dtype] as BaseModelFolder; // both were made
  const linear = tunedModel(base).linears.find((other) => other.module === module);
  if (!linear) throw new Error(module);
  const { A, B } = await loraInitialisation(name).factors({ base, target: { module, r, scaling }, linear, seed });
  const { inFeatures: columns, outFeatures: rows } = linear;
  const weight = Matrix.from1DArray(rows, columns, await readTensorFloat32(base, `${module}.weight`));
  const [a, b] = [Matrix.from1DArray(r, columns, A), Matrix.from1DArray(rows, r, B)];
  return { A, B, a, b, weight, product: Matrix.mul(b.mmul(a), scaling) };
}

/** |W - s B A| relative to that of the best approximation of its rank. */
function excess({ weight, product }: { weight: Matrix; product: Matrix }): number {
  const values = new SingularValueDecomposition(weight, { autoTranspose: true }).diagonal;
  return Matrix.sub(weight, product).norm('frobenius') / Math.hypot(...values.slice(r)) - 1;
}

test.each(modules)('PiSSA takes the best part of its rank out of %s, in whatever type it is stored', async (module) => {
  expect(Math.abs(excess(await factorsOf('pissa', module)))).toBeLessThan(1e-5);
  expect(Math.abs(excess(await factorsOf('pissa', module, 'BF16')))).toBeLessThan(1e-5);
});

test('its factors share the singular values, divided by the scaling', async () => {
  const { a, b, weight } = await factorsOf('pissa', modules[1] as string);
  const values = new SingularValueDecomposition(weight, { autoTranspose: true }).diagonal;
  for (let k = 0; k < r; k++) {
    const root = Math.sqrt((values[k] as number) / scaling);
    expect(a.getRowVector(k).norm('frobenius') / root).toBeCloseTo(1, 3);
    expect(b.getColumnVector(k).norm('frobenius') / root).toBeCloseTo(1, 3);
  }
});

test('a few iterations come near, more come nearer, and other random directions lead there too', async () => {
  const after = async (n: number, seed = 1) =>
    excess(await factorsOf(`pissa_niter_${n}`, modules[1] as string, 'F32', seed));
  const [one, four, forty, other] = [await after(1), await after(4), await after(40), await after(40, 2)];
  expect(one).toBeLessThan(0.1);
  expect(four).toBeLessThan(one);
  expect(forty).toBeLessThan(four);
  expect(Math.abs(forty - other)).toBeLessThan(1e-3);
});

test.each(modules)('OLoRA has the first columns of Q and rows of R of %s', async (module) => {
  const { a, b, weight } = await factorsOf('olora', module);
  expect(Matrix.sub(b.transpose().mmul(b), Matrix.eye(r)).norm('frobenius')).toBeLessThan(1e-5);
  // W = Q R: the first columns of W need the first of Q alone, and rows of R are what Q makes of W
  const first = weight.subMatrix(0, weight.rows - 1, 0, r - 1);
  expect(Matrix.sub(first, b.mmul(a.subMatrix(0, r - 1, 0, r - 1))).norm('frobenius')).toBeLessThan(1e-5);
  expect(Matrix.sub(a, b.transpose().mmul(weight)).norm('frobenius')).toBeLessThan(1e-4);
  for (let k = 1; k < r; k++) expect(Math.abs(a.get(k, 0))).toBeLessThan(1e-5);
});

test('gaussian: A is normal with the standard deviation 1/r, B is zero', async () => {
  const { A, B } = await factorsOf('gaussian', modules[1] as string);
  const deviation = Math.sqrt(A.reduce((sum, value) => sum + value * value, 0) / A.length);
  expect(Math.abs(deviation * r - 1)).toBeLessThan(0.1);
  expect(B.every((value) => value === 0)).toBe(true);
});

test('a run is fed first factors twice where they come from the base, and once where they do not', async () => {
  const base = bases['F32'] as BaseModelFolder; // it was made
  const model = tunedModel(base);
  const targets = modules.map((module) => ({ module, r, scaling }));
  const fed = async (init: string | true): Promise<ReadonlyMap<string, Float32Array>> => {
    const config = parseLoraConfig({ peft_type: 'LORA', target_modules: modules, init_lora_weights: init });
    return initialLora({ base, model, saved: [], config, targets, seed: 1 }, () => undefined);
  };
  const [plain, taken] = [await fed(true), await fed('olora')];
  expect([plain.size, taken.size]).toEqual([6, 12]);
  for (const name of modules.flatMap((module) => [loraA(module), loraB(module)])) {
    expect(taken.get(initialName(name))).toEqual(taken.get(name));
    expect(taken.get(initialName(name))).not.toBe(taken.get(name));
  }
});
