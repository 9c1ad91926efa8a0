import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { randomAdapter } from '../../test/support/random-adapter.ts';
import { tinyLlamaConfig, writeRandomBase } from '../../test/support/random-base.ts';
import { mergeSpecSchema, type MergeSpec } from '../../shared/contract/specs/merge.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { writeAdapterFolder } from '../folders/adapter.ts';
import { openBaseModel, readTensorFloat32 } from '../folders/base-model.ts';
import { hashFile } from '../folders/hashes.ts';
import { createMergeProducts, type MergeProducts, type UpdateBlock } from '../merge/merge-products.ts';
import { runMerge } from './merge.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'merge-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (...names: string[]): string => join(folder, ...names);
const Q = 'model.layers.0.self_attn.q_proj'; // square: 24 x 24
const DOWN = 'model.layers.1.mlp.down_proj';
const sizes = { [Q]: [24, 24], [DOWN]: [40, 24] } as const;

async function makeBase(dtype: 'F32' | 'BF16' | 'F16' = 'F32', config: object = {}): Promise<void> {
  await writeRandomBase(at('base'), { ...tinyLlamaConfig, torch_dtype: 'float32', ...config }, { dtype });
  await writeFile(at('base', 'tokenizer.json'), '{"model":{}}');
}

async function makeAdapter(options: { spread?: number; config?: object; sizes?: object } = {}): Promise<void> {
  const { spread = 0.2, config = {}, sizes: own = sizes } = options;
  await writeAdapterFolder(
    at('adapter'),
    randomAdapter(own as typeof sizes, { base_model_name_or_path: 'org/base', ...config }, { spread, seed: 3 }),
  );
}

function spec(more: object = {}): MergeSpec {
  return mergeSpecSchema.parse({
    kind: 'merge',
    base: at('base'),
    adapter: at('adapter'),
    output: at('out'),
    threads: 1,
    ...more,
  });
}

const refusal = (promise: Promise<unknown>): Promise<string[]> => refusals(promise, folder);

/** W + s B A by its definition. */
async function wanted(module: keyof typeof sizes): Promise<number[]> {
  const W = await readTensorFloat32(await openBaseModel(at('base')), `${module}.weight`);
  const adapter = randomAdapter(sizes, {}, { spread: 0.2, seed: 3 }).modules.find((own) => own.module === module);
  if (!adapter) throw new Error(module);
  const { A, B, r, inFeatures, scaling } = adapter;
  return Array.from(W, (w, i) => {
    const [row, column] = [Math.floor(i / inFeatures), i % inFeatures];
    let dot = 0;
    for (let k = 0; k < r; k++) dot += (B[row * r + k] as number) * (A[k * inFeatures + column] as number);
    return w + scaling * dot;
  });
}

describe('a merge', () => {
  test('adds scaling * B @ A to the targeted tensors and leaves the others byte for byte', async () => {
    await makeBase();
    await makeAdapter();
    const context = rememberingContext();
    const report = await runMerge(spec(), context);
    const [base, merged] = [await openBaseModel(at('base')), await openBaseModel(at('out'))];
    expect([...merged.tensors.keys()].toSorted()).toEqual([...base.tensors.keys()].toSorted());
    for (const name of base.tensors.keys()) {
      const values = await readTensorFloat32(merged, name);
      const module = name.replace('.weight', '');
      if (module !== Q && module !== DOWN) expect(values).toEqual(await readTensorFloat32(base, name));
      else for (const [i, value] of (await wanted(module)).entries()) expect(values[i]).toBeCloseTo(value, 6);
    }
    expect(report.check).toMatchObject({ updated: 2, converted: 0, copied: base.tensors.size - 2 });
    for (const { maxError, bound } of report.check.tensors) expect(maxError).toBeLessThanOrEqual(bound);
    expect(report.check.survived).toBeCloseTo(1, 5);
    expect(report.summary).toBe('effective modules 2 of 2');
    expect(context.warnings()).toEqual([]);
    expect(await readFile(at('out', 'config.json'))).toEqual(await readFile(at('base', 'config.json')));
    const last = context.events.filter((event) => event.type === 'progress').at(-1);
    expect(last).toMatchObject({ stage: 'check', unit: 'bytes' });
    if (last) expect(last.done).toBe(last.total);
  });

  test('stores the check and the digests of what went in and came out beside the weights', async () => {
    await makeBase();
    await makeAdapter();
    const report = await runMerge(spec(), rememberingContext());
    expect(JSON.parse(await readFile(at('out', 'merge.json'), 'utf8'))).toEqual(report);
    expect(report.files['model.safetensors']).toEqual(await hashFile(at('out', 'model.safetensors')));
    expect(report.base.files['model.safetensors']).toEqual(await hashFile(at('base', 'model.safetensors')));
    expect(report.adapter).toMatchObject({ name: 'adapter', r: 2, lora_alpha: 4 });
    expect(report.check.tensors.map(({ name }) => name).toSorted()).toEqual(
      [`${Q}.weight`, `${DOWN}.weight`].toSorted(),
    );
    expect((await readdir(at('out'))).toSorted()).toEqual(
      ['README.md', 'config.json', 'merge.json', 'model.safetensors', 'tokenizer.json'].toSorted(),
    );
    await runMerge(spec({ output: at('again') }), rememberingContext());
    expect(await readFile(at('again', 'merge.json'))).toEqual(await readFile(at('out', 'merge.json')));
  });

  test.each(['f32', 'bf16', 'f16'] as const)('as %s converts every tensor and says so in the config', async (dtype) => {
    await makeBase('BF16');
    await makeAdapter();
    const report = await runMerge(spec({ dtype }), rememberingContext());
    const merged = await openBaseModel(at('out'));
    const name = { f32: 'float32', bf16: 'bfloat16', f16: 'float16' }[dtype];
    expect(merged.config['torch_dtype']).toBe(name);
    expect(new Set([...merged.tensors.values()].map((tensor) => tensor.dtype))).toEqual(new Set([dtype.toUpperCase()]));
    const precision = { f32: 2 ** -23, bf16: 2 ** -8, f16: 2 ** -11 }[dtype];
    const values = await readTensorFloat32(merged, `${Q}.weight`);
    for (const [i, value] of (await wanted(Q)).entries())
      expect(Math.abs((values[i] as number) - value)).toBeLessThanOrEqual(precision * Math.abs(value) + 1e-7);
    expect(report.check.converted).toBe(dtype === 'bf16' ? 0 : merged.tensors.size - 2);
  });

  test('writes shards with an index, and reads a sharded base', async () => {
    await makeBase();
    await makeAdapter();
    await runMerge(spec({ maxShardBytes: 20_000, output: at('sharded') }), rememberingContext());
    const names = await readdir(at('sharded'));
    expect(names).toContain('model.safetensors.index.json');
    expect(names).toContain('model-00001-of-00003.safetensors');
    const sharded = await openBaseModel(at('sharded'));
    expect(sharded.warnings).toEqual([]);
    await runMerge(spec(), rememberingContext());
    const whole = await openBaseModel(at('out'));
    for (const name of whole.tensors.keys())
      expect(await readTensorFloat32(sharded, name)).toEqual(await readTensorFloat32(whole, name));
    const report = await runMerge(spec({ base: at('sharded'), output: at('twice') }), rememberingContext());
    expect(report.check.updated).toBe(2);
  });

  test('of a tied output embedding gives it a tensor of its own and leaves the input alone', async () => {
    await makeBase();
    await makeAdapter({ sizes: { lm_head: [24, 31] } });
    const report = await runMerge(spec(), rememberingContext());
    const merged = await openBaseModel(at('out'));
    expect([report.unties, merged.config['tie_word_embeddings']]).toEqual([true, false]);
    const embedding = await readTensorFloat32(merged, 'model.embed_tokens.weight');
    expect(embedding).toEqual(await readTensorFloat32(await openBaseModel(at('base')), 'model.embed_tokens.weight'));
    expect(await readTensorFloat32(merged, 'lm_head.weight')).not.toEqual(embedding);
  });

  test('in bf16 says how much of a small update rounding ate', async () => {
    await makeBase('BF16');
    await makeAdapter({ spread: 0.003 });
    const context = rememberingContext();
    const report = await runMerge(spec(), context);
    expect(report.check.roundingError).toBeGreaterThan(limits.mergeRoundingWarning);
    expect(report.check.survived).toBeLessThan(0.9);
    expect(context.warnings().map((finding) => finding.code)).toEqual(['merge-rounding']);
    expect(await readFile(at('out', 'README.md'), 'utf8')).toMatch(/Write f32 to keep it whole/);
    const whole = await runMerge(spec({ dtype: 'f32', output: at('whole') }), rememberingContext());
    expect(whole.check.roundingError).toBeLessThan(0.001);
    expect(whole.warnings).toEqual([]);
  });
});

describe('a merge is refused', () => {
  test('with everything that is wrong with base, adapter and output at once', async () => {
    await makeBase();
    await rm(at('base', 'config.json'));
    await makeAdapter();
    await rm(at('adapter', 'adapter_config.json'));
    await mkdir(at('out'));
    await writeFile(at('out', 'mine'), '');
    expect(await refusal(runMerge(spec(), rememberingContext()))).toEqual([
      'folder-exists /out',
      'file-missing /base config.json',
      'file-missing /adapter adapter_config.json',
    ]);
    expect(await readdir(at('out'))).toEqual(['mine']);
  });

  test('when the adapter does not fit the base, naming every module', async () => {
    await makeBase();
    await makeAdapter({ sizes: { [Q]: [24, 25], 'model.layers.9.mlp.up_proj': [24, 40] } });
    expect(await refusal(runMerge(spec(), rememberingContext()))).toEqual([
      `size-mismatch ${Q}`,
      'no-such-module model.layers.9.mlp.up_proj',
      'target-matches-nothing model.layers.9.mlp.up_proj',
      'no-effect adapter',
    ]);
  });

  test('when B holds a value that is no number, or nothing but zeros, before anything is written', async () => {
    await makeBase();
    const adapter = randomAdapter(sizes, { base_model_name_or_path: 'base' });
    const zero = adapter.modules.map((module) => ({ ...module, B: module.B.map(() => 0) }));
    await writeAdapterFolder(at('adapter'), { ...adapter, modules: zero });
    expect(await refusal(runMerge(spec(), rememberingContext()))).toEqual(['no-effect adapter_model.safetensors']);
    const file = at('adapter', 'adapter_model.safetensors');
    const bytes = await readFile(file);
    bytes.fill(0xff, bytes.length - 4);
    await writeFile(file, bytes);
    const context = rememberingContext();
    expect((await refusal(runMerge(spec(), context)))[0]).toMatch(/^not-finite/);
    expect(context.events).toEqual([]);
    expect((await readdir(folder)).toSorted()).toEqual(['adapter', 'base']);
  });

  test('into the folder of an input, also by a link', async () => {
    await makeBase();
    await makeAdapter();
    await symlink(at('base'), at('link'));
    for (const output of [at('base', 'merged'), at('link', 'merged'), at('adapter', 'a', 'b')])
      expect((await refusal(runMerge(spec({ output }), rememberingContext())))[0]).toMatch(/^output-inside-input/);
    expect(await refusal(runMerge(spec({ output: at('base..merged') }), rememberingContext()))).toEqual([]);
  });

  test('when a value is too large for f16, naming the tensor, and leaves nothing behind', async () => {
    await makeBase();
    await makeAdapter({ spread: 300 });
    expect(await refusal(runMerge(spec({ dtype: 'f16' }), rememberingContext()))).toEqual([
      `not-finite ${Q}.weight`,
      `not-finite ${DOWN}.weight`,
    ]);
    expect((await readdir(folder)).toSorted()).toEqual(['adapter', 'base']);
  });

  test('when the base itself holds a value that is no number where it would be changed', async () => {
    await makeBase();
    await makeAdapter();
    const file = at('base', 'model.safetensors');
    const bytes = await readFile(file);
    const { offset = 0 } = (await openBaseModel(at('base'))).tensors.get(`${Q}.weight`) ?? {};
    bytes.fill(0xff, offset + 8, offset + 12);
    await writeFile(file, bytes);
    expect(await refusal(runMerge(spec(), rememberingContext()))).toEqual([`not-finite ${Q}.weight`]);
    expect((await readdir(folder)).toSorted()).toEqual(['adapter', 'base']);
  });

  test('by a stop between two tensors, which leaves nothing behind', async () => {
    await makeBase();
    await makeAdapter();
    await expect(runMerge(spec(), rememberingContext(3))).rejects.toBeInstanceOf(UnavailableError);
    expect((await readdir(folder)).toSorted()).toEqual(['adapter', 'base']);
  });
});

describe('the check of the written files catches', () => {
  const right = createMergeProducts(1);
  const planted = (merged: MergeProducts['merged']): { products: MergeProducts } => ({
    products: { merged, update: (block) => right.update(block), close: () => Promise.resolve() },
  });
  const scaled =
    (factor: number) =>
    (W: Float32Array, block: UpdateBlock): Promise<Float32Array> =>
      right.merged(W, { ...block, A: block.A.map((value) => factor * value) });

  async function faultOf(dtype: string, merged: MergeProducts['merged'], config: object = {}): Promise<string> {
    await makeBase(dtype === 'keep' ? 'BF16' : 'F32');
    await makeAdapter({ config });
    const run = runMerge(spec({ dtype }), rememberingContext(), planted(merged));
    const message = await run.then(
      () => 'passed',
      (error: unknown) => String(error),
    );
    expect((await readdir(folder)).toSorted()).toEqual(
      message === 'passed' ? ['adapter', 'base', 'out'] : ['adapter', 'base'],
    );
    return message;
  }

  test('nothing where nothing is wrong', async () => {
    expect(await faultOf('keep', (W, block) => right.merged(W, block))).toBe('passed');
  });

  test.each(['keep', 'f32', 'f16', 'bf16'])('a scale that is one percent off, as %s', async (dtype) => {
    expect(await faultOf(dtype, scaled(1.01))).toMatch(/values are not W \+ scaling/);
  });

  test('a scale that was applied twice, and one that was forgotten', async () => {
    expect(await faultOf('keep', scaled(2))).toMatch(/values are not W \+ scaling/);
    await rm(at('base'), { recursive: true });
    await rm(at('adapter'), { recursive: true });
    expect(await faultOf('keep', (W) => Promise.resolve(W.slice()))).toMatch(/values are not W \+ scaling/);
  });

  test('a transposed product', async () => {
    const transposed: MergeProducts['merged'] = async (W, block) => {
      const update = await right.update(block);
      const { rows, inFeatures } = block;
      return W.map((w, i) => {
        const [row, column] = [Math.floor(i / inFeatures), i % inFeatures];
        return w + (rows === inFeatures ? (update[column * inFeatures + row] as number) : (update[i] as number));
      });
    };
    expect(await faultOf('keep', transposed)).toMatch(new RegExp(`${Q}.weight: \\d+ values are not`));
  });

  const doraModule = { use_dora: true };
  const rescaled =
    (lengthOf: (values: Float32Array, rows: number, columns: number, row: number) => number) =>
    async (W: Float32Array, { magnitude = new Float32Array(), ...plain }: UpdateBlock): Promise<Float32Array> => {
      const sum = await right.merged(W, plain);
      const { rows, inFeatures } = plain;
      return sum.map((value, i) => {
        const row = Math.floor(i / inFeatures);
        return (value * (magnitude[row] as number)) / lengthOf(sum, rows, inFeatures, row);
      });
    };
  const length = (values: Iterable<number>): number => Math.hypot(...values);

  test.each<[string, MergeProducts['merged'], RegExp | string]>([
    [
      'nothing where rows get their lengths',
      rescaled((values, _, n, row) => length(values.subarray(row * n, (row + 1) * n))),
      'passed',
    ],
    [
      'lengths of columns in the place of rows',
      rescaled((values, m, n, row) => length(Array.from({ length: m }, (_, i) => values[i * n + (row % n)] as number))),
      /values are not/,
    ],
    [
      'magnitudes that were left out',
      (W, { rows, inFeatures, r, scaling, A, B }) => right.merged(W, { rows, inFeatures, r, scaling, A, B }),
      /values are not/,
    ],
    ['magnitudes that multiply rows of any length', rescaled(() => 1), /values are not/],
    [
      'lengths that are one percent off',
      rescaled((values, _, n, row) => 1.01 * length(values.subarray(row * n, (row + 1) * n))),
      /values are not/,
    ],
  ])('of DoRA %s', async (_, merged, found) => {
    expect(await faultOf('keep', merged, doraModule)).toMatch(found);
  });

  test('a product that is no number', async () => {
    const spoiled: MergeProducts['merged'] = async (W, block) => (await right.merged(W, block)).fill(Number.NaN, 5, 6);
    expect(await faultOf('keep', spoiled)).toMatch(/1 values are not W/);
  });

  test('a checking product that is itself wrong', async () => {
    await makeBase();
    await makeAdapter();
    const products = {
      merged: scaled(1.5),
      update: (block: UpdateBlock) => right.update({ ...block, A: block.A.map((value) => 1.5 * value) }),
      close: () => Promise.resolve(),
    };
    await expect(runMerge(spec(), rememberingContext(), { products })).rejects.toThrow(/the product that checks it/);
  });
});
