import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { randomAdapter, writeRandomAdapter, type ModuleSizes } from '../../test/support/random-adapter.ts';
import { denseDistance, denseNorm, denseProduct } from '../../test/support/random-sum.ts';
import { composeSpecSchema, type ComposeSpec } from '../../shared/contract/specs/compose.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { readAdapterFolder, writeAdapterFolder, type LoraModule } from '../folders/adapter.ts';
import { hashFile } from '../folders/hashes.ts';
import { runCompose } from './compose.ts';
import { distanceFindings } from './composition-report.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'compose-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (...names: string[]): string => join(folder, ...names);
const Q = 'model.layers.0.self_attn.q_proj';
const V = 'model.layers.0.self_attn.v_proj';
const UP = 'model.layers.1.mlp.up_proj';
const sizes: ModuleSizes = { [Q]: [8, 8], [V]: [8, 6], [UP]: [8, 12] };
const base = { base_model_name_or_path: 'org/base' };

function spec(weights: Readonly<Record<string, number>>, more: object = {}): ComposeSpec {
  return composeSpecSchema.parse({
    kind: 'compose',
    type: 'cat',
    members: Object.entries(weights).map(([name, weight]) => ({ adapter: at(name), weight })),
    output: at('out'),
    ...more,
  });
}

/** Sum of w s B A of the members for a module. */
async function trueSum(weights: Readonly<Record<string, number>>, module: string): Promise<Float64Array> {
  let total: Float64Array | undefined;
  for (const [name, weight] of Object.entries(weights)) {
    const own = (await readAdapterFolder(at(name))).modules.get(module);
    if (!own) continue;
    const product = denseProduct(own, weight * own.scaling);
    total = total ? total.map((value, i) => value + (product[i] as number)) : product;
  }
  return total ?? new Float64Array(0);
}

const update = (module: LoraModule | undefined): Float64Array =>
  module ? denseProduct(module, module.scaling) : new Float64Array(0);

describe('a composition is refused', () => {
  test('with everything that is wrong with any member at once, and nothing is written', async () => {
    await writeRandomAdapter(at('a'), { [Q]: [8, 8] }, { ...base });
    await writeFile(at('a', 'adapter_config.json'), '{"peft_type":"LORA","r":2,"bias":"all","target_modules":["x"]}');
    await writeRandomAdapter(at('b'), { [Q]: [8, 8] });
    await rm(at('b', 'adapter_model.safetensors'));
    await writeRandomAdapter(at('c'), { [Q]: [8, 8] });
    const found = await refusals(runCompose(spec({ a: 1, b: 1, c: 1, none: 1 }), rememberingContext()));
    expect(found.map((line) => line.replaceAll(folder, ''))).toEqual([
      'lora-unsupported /a bias',
      `not-targeted /a ${Q}`,
      'file-missing /b adapter_model.safetensors',
      'folder-missing /none',
    ]);
    expect((await readdir(folder)).toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('when bases, sizes and ranks differ, all said at once', async () => {
    await writeRandomAdapter(at('a'), sizes, { ...base });
    await writeRandomAdapter(at('b'), { [Q]: [8, 9], [V]: [8, 6] }, { r: 3, base_model_name_or_path: 'org/other' });
    const found = await refusals(runCompose(spec({ a: 1, b: 1 }, { type: 'linear' }), rememberingContext()));
    expect(found).toEqual([
      'different-bases b',
      `different-sizes ${Q}`,
      `combination-unequal-ranks ${Q}`,
      `combination-unequal-ranks ${V}`,
    ]);
  });

  test('when a member is more than its factors', async () => {
    await writeRandomAdapter(at('a'), sizes, { ...base, use_dora: true });
    await writeRandomAdapter(at('b'), sizes, { ...base });
    expect(await refusals(runCompose(spec({ a: 1, b: 1 }), rememberingContext()))).toEqual([
      `beyond-factors ${at('a')} use_dora`,
    ]);
  });

  test('into a place that is taken', async () => {
    await writeRandomAdapter(at('a'), sizes);
    await writeRandomAdapter(at('out'), sizes);
    const before = await hashFile(at('out', 'adapter_model.safetensors'));
    expect(await refusals(runCompose(spec({ a: 1 }), rememberingContext()))).toEqual([`folder-exists ${at('out')}`]);
    expect(await hashFile(at('out', 'adapter_model.safetensors'))).toEqual(before);
  });

  test('when a value is not a number, or would not be one as f16', async () => {
    const adapter = randomAdapter(sizes);
    await writeAdapterFolder(at('big'), adapter);
    await expect(runCompose(spec({ big: 1e6 }, { dtype: 'f16' }), rememberingContext())).rejects.toThrow(
      /which as F16|is Infinity/,
    );
    expect(await readdir(folder)).toEqual(['big']);
    const file = at('big', 'adapter_model.safetensors');
    const bytes = await readFile(file);
    bytes.fill(0xff, bytes.length - 4);
    await writeFile(file, bytes);
    expect(await refusals(runCompose(spec({ big: 1 }), rememberingContext()))).toHaveLength(1);
  });

  test('by a stop between two modules, which leaves nothing behind', async () => {
    await writeRandomAdapter(at('a'), sizes);
    await expect(runCompose(spec({ a: 1 }), rememberingContext(2))).rejects.toBeInstanceOf(UnavailableError);
    expect(await readdir(folder)).toEqual(['a']);
  });

  test('when cat would exceed the largest rank, and not at the bound', async () => {
    const r = limits.loraRankMax / 2;
    await writeRandomAdapter(at('a'), { [Q]: [1, 1] }, { ...base, r });
    await writeRandomAdapter(at('b'), { [Q]: [1, 1] }, { ...base, r });
    await writeRandomAdapter(at('c'), { [Q]: [1, 1] }, { ...base, r: 1 });
    expect(await refusals(runCompose(spec({ a: 1, b: 1, c: 1 }), rememberingContext()))).toEqual([
      'combination-rank members',
    ]);
    const report = await runCompose(spec({ a: 1, b: 1 }), rememberingContext());
    expect(report.result.r).toBe(limits.loraRankMax);
  });
});

describe('a composition', () => {
  const weights = { a: 0.7, b: -0.5, c: 1.5 };
  beforeEach(async () => {
    await writeRandomAdapter(at('a'), sizes, { ...base, lora_alpha: 3 });
    await writeRandomAdapter(
      at('b'),
      { [Q]: [8, 8], [UP]: [8, 12] },
      { ...base, r: 3, rank_pattern: { [UP]: 1 }, alpha_pattern: { up_proj: 5 }, use_rslora: true },
      { seed: 2 },
    );
    await writeRandomAdapter(at('c'), { [UP]: [8, 12] }, { ...base, r: 4, target_modules: '.*up_proj' }, { seed: 3 });
  });

  test('by cat is the true sum, module by module, with every kind of rank and scaling', async () => {
    const report = await runCompose(spec(weights), rememberingContext());
    const { config, modules } = await readAdapterFolder(at('out'));
    expect(Object.fromEntries([...modules].map(([name, { r, scaling }]) => [name, [r, scaling]]))).toEqual({
      [Q]: [5, 1],
      [V]: [2, 1],
      [UP]: [7, 1],
    });
    for (const [name, module] of modules) {
      const truth = await trueSum(weights, name);
      expect(denseDistance(update(module), truth)).toBeLessThan(1e-6 * denseNorm(truth));
    }
    expect(config).toMatchObject({
      r: 7,
      lora_alpha: 7,
      use_rslora: false,
      rank_pattern: { [Q]: 5, [V]: 2 },
      alpha_pattern: { [Q]: 5, [V]: 2 },
      base_model_name_or_path: 'org/base',
      target_modules: [Q, V, UP].toSorted(),
    });
    expect(report.distance).toBeLessThan(1e-7);
    expect(report.warnings).toEqual([]);
  });

  test('reports the distance of what it wrote', async () => {
    const context = rememberingContext();
    const report = await runCompose(spec(weights, { type: 'svd', rank: 2, dtype: 'bf16' }), context);
    let [error, norm] = [0, 0];
    for (const [name, module] of (await readAdapterFolder(at('out'))).modules) {
      const truth = await trueSum(weights, name);
      const distance = denseDistance(update(module), truth);
      expect(report.modules.find((entry) => entry.module === name)?.distance).toBeCloseTo(
        distance / denseNorm(truth),
        6,
      );
      error += distance ** 2;
      norm += denseNorm(truth) ** 2;
    }
    expect(report.distance).toBeCloseTo(Math.sqrt(error / norm), 6);
    expect(report.distance).toBeGreaterThan(0.1);
    expect(context.warnings().map((finding) => finding.code)).toEqual(['composition-distance']);
    expect(report.warnings).toEqual(context.warnings());
    expect(context.events.filter((event) => event.type === 'progress').at(-1)).toMatchObject({ done: 3, total: 3 });
  });

  test('keeps lineage and a card beside the adapter, and the same inputs give the same bytes', async () => {
    await runCompose(spec(weights), rememberingContext());
    const report = JSON.parse(await readFile(at('out', 'composition.json'), 'utf8')) as {
      members: { name: string; weight: number; files: Record<string, unknown> }[];
      result: { files: Record<string, unknown> };
    };
    expect(report.members.map(({ name, weight }) => [name, weight])).toEqual(Object.entries(weights));
    for (const { name, files } of report.members)
      for (const [file, digest] of Object.entries(files)) expect(digest).toEqual(await hashFile(at(name, file)));
    for (const [file, digest] of Object.entries(report.result.files))
      expect(digest).toEqual(await hashFile(at('out', file)));
    const card = await readFile(at('out', 'README.md'), 'utf8');
    expect(card).toMatch(/base_model: "org\/base"[^]*\| b \| -0.5 \| 3 \|/);
    await runCompose(spec(weights, { output: at('again') }), rememberingContext());
    for (const name of await readdir(at('out')))
      expect(await readFile(at('again', name))).toEqual(await readFile(at('out', name)));
  });

  test('as PEFT does it has one rank everywhere, and says where PEFT is odd', async () => {
    const context = rememberingContext();
    await runCompose(spec({ b: 1, a: 1 }, { mode: 'peft-compatible' }), context);
    const { config } = await readAdapterFolder(at('out'));
    expect([config.r, config.rank_pattern, config.use_rslora]).toEqual([5, {}, false]);
    expect(context.warnings().map((finding) => finding.code)).toEqual(['rslora-inherited']);
    const single = rememberingContext();
    await runCompose(spec({ a: 2 }, { mode: 'peft-compatible', type: 'svd', rank: 1, output: at('single') }), single);
    expect((await readAdapterFolder(at('single'))).config.r).toBe(2);
    expect(single.warnings().map((finding) => finding.code)).toEqual(['single-member']);
  });

  test('of different bases is possible when asked for, and one with itself taken away says that nothing is left', async () => {
    await writeRandomAdapter(at('d'), sizes, { base_model_name_or_path: 'org/other' });
    const context = rememberingContext();
    await runCompose(spec({ a: 1, d: 1 }, { allowDifferentBases: true }), context);
    expect(context.warnings().map((finding) => finding.code)).toEqual(['different-bases']);
    const members = [1, -1].map((weight) => ({ adapter: at('a'), weight }));
    const report = await runCompose(spec({}, { members, output: at('nothing') }), rememberingContext());
    expect(report.warnings.map((finding) => finding.code)).toEqual(['composition-cancels']);
  });
});

test('a composite further away than the limit is warned about, one at the limit is not', () => {
  const away = (error: number): number => distanceFindings(new Map([['m', { error, norm: 1, parts: 1 }]])).length;
  expect(away(limits.compositionDistanceWarning)).toBe(0);
  expect(away(limits.compositionDistanceWarning + 1e-9)).toBe(1);
  const cancelling = (norm: number): string[] =>
    distanceFindings(new Map([['m', { error: 0, norm, parts: 1 }]])).map((finding) => finding.code);
  expect(cancelling(limits.cancelledShare)).toEqual(['composition-cancels']);
  expect(cancelling(limits.cancelledShare * 1.01)).toEqual([]);
});
