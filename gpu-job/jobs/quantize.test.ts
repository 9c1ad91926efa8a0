import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QuantizeReport } from '../../shared/contract/reports.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { openBaseModel, readTensorFloat32 } from '../folders/base-model.ts';
import { ggufToBase } from '../folders/gguf-to-base.ts';
import { describeBase } from '../platform/describe-base.ts';
import { runSpec } from './run-spec.ts';

let folder = '';
const at = (...names: string[]): string => join(folder, ...names);
const run = (spec: Record<string, unknown>) => runSpec(parseSpec({ threads: 1, ...spec }), rememberingContext());
const quantize = async (spec: Record<string, unknown>): Promise<QuantizeReport> =>
  (await run({ kind: 'quantize', ...spec })) as QuantizeReport; // the kind says which report it is

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-quantize-'));
  const sizes = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 4, head_dim: 16 };
  await writeTinyBase(at('base'), { config: sizes });
  const rows = Array.from({ length: 12 }, (_, i) => ({ text: `row ${i} of a few words` }));
  await writeFile(at('rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  await quantize({ base: at('base'), type: 'nf4', output: at('nf4') });
});
afterAll(() => rm(folder, { recursive: true }));

test('the report says bits, error and what it costs in held-out loss', async () => {
  const report = await quantize({
    base: at('base'),
    type: 'u4',
    blockSize: 32,
    output: at('u4'),
    data: at('rows.jsonl'),
  });
  expect(report).toMatchObject({ changed: 14, kept: 6, bitsPerWeight: { packed: 4.75 } });
  expect(report.relativeError).toBeGreaterThan(0.03);
  expect(report.relativeError).toBeLessThan(0.1);
  const { float, packed, gap, rows } = report.loss ?? { float: 0, packed: 0, gap: Number.NaN, rows: 0 };
  expect([rows, gap]).toEqual([12, packed - float]);
  expect(Math.abs(gap)).toBeLessThan(0.1);
  expect(Object.keys(report.files)).toEqual(
    expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']),
  );
});

test('rows that are no whole blocks of NF4 stay floats, with a warning, and transformers is told', async () => {
  const { warnings, changed } = await quantize({ base: at('base'), type: 'nf4', output: at('nf4-again') });
  expect([changed, warnings.map(({ code }) => code)]).toEqual([12, ['not-packed']]); // down_proj reads 96
  const { config, tensors } = await openBaseModel(at('nf4-again'));
  const { llm_int8_skip_modules: skipped } = config['quantization_config'] as { llm_int8_skip_modules: string[] };
  expect(skipped).toEqual(['lm_head', 'model.layers.0.mlp.down_proj', 'model.layers.1.mlp.down_proj']);
  expect(tensors.get('model.layers.0.mlp.down_proj.weight')?.dtype).toBe('F32');
});

test('what is recorded of a packed base names its packing and counts its values', async () => {
  const [float, packed] = [await describeBase(at('base')), await describeBase(at('nf4'))];
  expect(packed.dtypes).toEqual(['F32', 'NF4']);
  expect([packed.parameters, packed.findings]).toEqual([float.parameters, []]);
  const shapes = ({ tensors }: typeof float) => Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));
  expect(shapes(packed)).toEqual(shapes(float));
});

test('an adapter is trained, measured, generated with and exported on a packed base', async () => {
  const data = { train: at('rows.jsonl') };
  const trained = await run({
    kind: 'train',
    base: at('nf4'),
    output: at('adapter'),
    data,
    method: { kind: 'lora' },
    steps: 3,
  });
  expect(trained).toMatchObject({ kind: 'train', steps: 3 });
  const subject = { base: at('nf4'), adapter: at('adapter') };
  const evaluated = await run({ kind: 'evaluate', ...subject, data: at('rows.jsonl'), bootstrapSamples: 100 });
  expect(evaluated).toMatchObject({ rows: 12 });
  expect(await run({ kind: 'generate', ...subject, prompts: [{ prompt: 'row' }], maxNewTokens: 4 })).toMatchObject({
    texts: [{ prompt: 'row' }],
  });
  expect(await run({ kind: 'export', format: 'gguf', ...subject, output: at('adapter-gguf') })).toMatchObject({
    summary: 'effective modules 14 of 14',
  });
  for (const spec of [
    { kind: 'merge', ...subject, output: at('merged') },
    { kind: 'export', format: 'merged-gguf', ...subject, output: at('merged') },
    { kind: 'export', format: 'merged-gguf', base: at('nf4'), output: at('merged') },
  ])
    expect(await refusals(run(spec)), spec.kind).toEqual([expect.stringMatching(/^packed-weights model\.layers\.0/)]);
});

describe('refused is', () => {
  test.each<[string, () => Record<string, unknown>, string]>([
    ['to pack twice', () => ({ base: at('nf4'), type: 'u4' }), 'already-packed'],
    ['to unpack what is not packed', () => ({ base: at('base'), type: 'f32' }), 'not-packed'],
    ['to take the blocks of a folder', () => ({ base: at('base'), type: 'gguf' }), 'no-gguf'],
    ['to write where something is', () => ({ base: at('base'), type: 'nf4', output: at('nf4') }), 'folder-exists'],
  ])('%s', async (_, spec, code) => {
    await expect(quantize({ output: at('refused'), ...spec() })).rejects.toMatchObject({ code });
    expect(await readdir(folder)).not.toContain('refused');
  });

  test('to train every weight of a packed model', async () => {
    const spec = {
      kind: 'train',
      base: at('nf4'),
      output: at('full'),
      data: { train: at('rows.jsonl') },
      method: { kind: 'full' },
    };
    await expect(run({ ...spec, steps: 1 })).rejects.toThrow(/cannot be trained: train an adapter/);
  });
});

test('a GGUF keeps its blocks, with the values that it has when it is decoded', async () => {
  await run({ kind: 'export', format: 'merged-gguf', base: at('base'), dtype: 'q8_0', output: at('q8') });
  const file = at('q8', 'model.gguf');
  const report = await quantize({ base: file, type: 'gguf', output: at('q8-packed') });
  expect(report).toMatchObject({ changed: 14, relativeError: null, bitsPerWeight: { packed: 8.5 } });
  await ggufToBase(file, at('q8-float'));
  const [packed, float] = [await openBaseModel(at('q8-packed')), await openBaseModel(at('q8-float'))];
  expect([...packed.tensors.keys()].toSorted()).toEqual([...float.tensors.keys()].toSorted());
  for (const name of float.tensors.keys())
    expect(await readTensorFloat32(packed, name), name).toEqual(await readTensorFloat32(float, name));
  await quantize({ base: at('q8-packed'), type: 'f32', output: at('q8-unpacked') });
  const { tensors, config } = await openBaseModel(at('q8-unpacked'));
  expect([config['quantization_config'], tensors.get('model.layers.0.self_attn.q_proj.weight')?.dtype]).toEqual([
    undefined,
    'F32',
  ]);
});

test('a GGUF without blocks that can be kept is refused', async () => {
  await run({ kind: 'export', format: 'merged-gguf', base: at('base'), dtype: 'f16', output: at('f16') });
  const spec = { base: at('f16', 'model.gguf'), type: 'gguf', output: at('f16-packed') };
  await expect(quantize(spec)).rejects.toMatchObject({ code: 'nothing-packed' });
});
