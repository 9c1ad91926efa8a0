import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import type { ExportSpec } from '../../shared/contract/specs/export.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { readGgufHeader, type GgufHeader } from '../../shared/formats/gguf-header.ts';
import { readGgufTensor } from '../../shared/formats/gguf-read.ts';
import { loadTokenizer } from '../../shared/text/tokenizer.ts';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { randomAdapter, writeRandomAdapter, type ModuleSizes } from '../../test/support/random-adapter.ts';
import { writeRandomBase } from '../../test/support/random-base.ts';
import { tinyBaseConfig, writeTinyBase } from '../../test/support/tiny-base.ts';
import { readAdapterFolder, writeAdapterFolder, type LoraModule } from '../folders/adapter.ts';
import { openBaseModel, readTensorFloat32 } from '../folders/base-model.ts';
import { readJsonFile } from '../folders/files.ts';
import { ggufToBase } from '../folders/gguf-to-base.ts';
import { hashFile } from '../folders/hashes.ts';
import { runExport } from './export.ts';
import { runMerge } from './merge.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'export-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (...names: string[]): string => join(folder, ...names);

/** Whole blocks of 32 in every row. */
const llama = { ...tinyBaseConfig, hidden_size: 32, num_attention_heads: 4, head_dim: 8, intermediate_size: 64 };
const { initializer_range: _, ...rest } = llama;
const qwen = { ...rest, model_type: 'qwen2', head_dim: undefined, tie_word_embeddings: false };

async function makeBase(config: Readonly<Record<string, unknown>> = llama): Promise<void> {
  await writeTinyBase(at('base'));
  await writeRandomBase(at('base'), config, { seed: 9 });
}

const Q = 'model.layers.0.self_attn.q_proj';
const K = 'model.layers.1.self_attn.k_proj';
const DOWN = 'model.layers.1.mlp.down_proj';
const sizes: ModuleSizes = { [Q]: [32, 32], [K]: [32, 16], [DOWN]: [64, 32] };
const patterns = {
  use_rslora: true,
  r: 4,
  lora_alpha: 6,
  rank_pattern: { k_proj: 2 },
  alpha_pattern: { down_proj: 20 },
};

const makeAdapter = (config: object = {}, own: ModuleSizes = sizes): Promise<void> =>
  writeRandomAdapter(at('adapter'), own, { base_model_name_or_path: 'org/base', ...config }, { seed: 3, spread: 0.3 });

function spec(more: object): ExportSpec {
  const parsed = parseSpec({ kind: 'export', adapter: at('adapter'), output: at('out'), ...more });
  if (parsed.kind !== 'export') throw new Error('kind');
  return parsed;
}
const gguf = (more: object = {}): ExportSpec => spec({ format: 'gguf', base: at('base'), dtype: 'f32', ...more });
const merged = (more: object = {}): ExportSpec => gguf({ format: 'merged-gguf', ...more });
const flat = (more: object = {}): ExportSpec => spec({ format: 'flattened', ...more });
const run = async (of: ExportSpec): ReturnType<typeof runExport> => runExport(of, rememberingContext());

const refusal = (promise: Promise<unknown>): Promise<string[]> => refusals(promise, folder);

interface OpenedGguf {
  readonly header: GgufHeader;
  readonly values: (name: string) => Promise<number[]>;
}
async function openGguf(name: string): Promise<OpenedGguf> {
  const source = await openFileSource(at('out', name));
  const header = await readGgufHeader(source);
  const read = new Map<string, number[]>();
  for (const tensor of header.tensors.values()) read.set(tensor.name, [...(await readGgufTensor(source, tensor))]);
  await source.close();
  return { header, values: (tensor) => Promise.resolve(read.get(tensor) ?? []) };
}

/** scaling * B @ A by its definition, [out, in]. */
function delta(
  { A, B, r, inFeatures, outFeatures }: Omit<LoraModule, 'module' | 'scaling'>,
  scaling: number,
): number[] {
  return Array.from({ length: outFeatures * inFeatures }, (_, i) => {
    const [row, column] = [Math.floor(i / inFeatures), i % inFeatures];
    let dot = 0;
    for (let k = 0; k < r; k++) dot += (B[row * r + k] as number) * (A[k * inFeatures + column] as number);
    return scaling * dot;
  });
}

/** What llama.cpp's converter does to rows: [heads, 2, d/2, columns] -> [heads, d/2, 2, columns]. */
function permuted<T>(rows: readonly T[], heads: number): T[] {
  const half = rows.length / heads / 2;
  return Array.from({ length: heads }, (_, head) =>
    Array.from({ length: half }, (__, j) => [0, 1].map((side) => rows[(head * 2 + side) * half + j] as T)).flat(),
  ).flat();
}
const rowsOf = (values: readonly number[], columns: number): number[][] =>
  Array.from({ length: values.length / columns }, (_, i) => values.slice(i * columns, (i + 1) * columns));

const close = (ours: readonly number[], theirs: readonly number[], digits = 6): void => {
  expect(ours.length).toBe(theirs.length);
  const worst = Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] as number))));
  expect(worst).toBeLessThan(10 ** -digits);
};

describe('an export refuses', () => {
  test('what GGUF cannot say of an adapter, by name and all at once', async () => {
    await makeBase({ ...llama, tie_word_embeddings: true });
    await makeAdapter({}, { ...sizes, lm_head: [32, 272], 'model.layers.7.mlp.up_proj': [32, 64] });
    await mkdir(at('out'));
    await writeFile(at('out', 'mine'), 'x');
    expect(await refusal(run(gguf()))).toEqual([
      'folder-exists /out',
      'no-such-module model.layers.7.mlp.up_proj',
      'target-matches-nothing model.layers.7.mlp.up_proj',
      'gguf-cannot-say lm_head',
    ]);
    expect(await readdir(folder)).toEqual(['adapter', 'base', 'out']);
  });

  test('DoRA as factors, fully trained modules and trained biases in every format that would drop them', async () => {
    await makeBase();
    await makeAdapter({ use_dora: true });
    for (const wanted of [gguf(), flat()]) expect(await refusal(run(wanted))).toEqual(['beyond-factors use_dora']);
    expect((await run(merged({ output: at('whole') }))).format).toBe('merged-gguf');
    const config = (await readJsonFile(at('adapter', 'adapter_config.json'))) as object;
    const more = { modules_to_save: ['lm_head'], bias: 'all' };
    await writeFile(at('adapter', 'adapter_config.json'), JSON.stringify({ ...config, ...more }));
    for (const wanted of [gguf(), merged(), flat()])
      expect(await refusal(run(wanted))).toEqual(['bias'].map((key) => `lora-unsupported /adapter ${key}`));
    expect(await readdir(folder)).toEqual(['adapter', 'base', 'whole']);
  });

  test('models that llama.cpp would compute otherwise, and tokenizers without a name there', async () => {
    await makeBase();
    const tokenizer = (await readJsonFile(at('base', 'tokenizer.json'))) as object;
    const strange = { ...tokenizer, pre_tokenizer: { type: 'Whitespace' } };
    await writeFile(at('base', 'tokenizer.json'), JSON.stringify(strange));
    expect(await refusal(run(merged({ adapter: undefined })))).toEqual([
      'gguf-tokenizer /base tokenizer.json: pre_tokenizer',
    ]);
    await makeBase({ ...llama, rope_scaling: { rope_type: 'yarn', factor: 4, beta_fast: 16 } });
    expect(await refusal(run(merged({ adapter: undefined })))).toEqual(['gguf-rope /base']);
    for (const config of [
      { model_type: 'qwen3', attention_bias: true },
      { model_type: 'smollm3', no_rope_layers: [1, 0] },
    ]) {
      await makeBase({ ...llama, ...config });
      expect(await refusal(run(merged({ adapter: undefined })))).toEqual(['gguf-cannot-say /base']);
    }
    await makeBase({ ...llama, model_type: 'gemma3_text' });
    expect(await refusal(run(merged({ adapter: undefined })))).toEqual(['gguf-architecture /base']);
  });

  test('values that the type cannot hold, and leaves nothing behind', async () => {
    await makeBase();
    const adapter = randomAdapter(sizes);
    for (const { B } of adapter.modules) B.fill(1e5);
    await writeAdapterFolder(at('adapter'), adapter);
    expect(await refusal(run(gguf({ dtype: 'f16' })))).toEqual([`export-values ${Q} lora_B`]);
    expect(await readdir(folder)).toEqual(['adapter', 'base']);
    expect((await run(gguf({ dtype: 'f32' }))).files['adapter.gguf']).toBeDefined();
  });

  test('to go on when it is asked to stop, and leaves nothing behind', async () => {
    await makeBase();
    await makeAdapter();
    for (const wanted of [gguf(), merged(), flat()]) {
      const stopped = { ...rememberingContext(), stopRequested: () => true };
      await expect(runExport(wanted, stopped)).rejects.toThrow(UnavailableError);
    }
    expect(await readdir(folder)).toEqual(['adapter', 'base']);
  });
});

describe('an adapter in GGUF', () => {
  test.each([
    ['Llama, whose rows of queries and keys are permuted', llama, [4, 2]],
    ['Qwen2, whose rows stay', qwen, undefined],
  ] as const)('acts as in PEFT: %s', async (_name, config, heads) => {
    await makeBase(config);
    await makeAdapter(patterns);
    const report = await run(gguf());
    const { header, values } = await openGguf('adapter.gguf');
    expect(Object.fromEntries(header.metadata)).toMatchObject({
      'general.type': 'adapter',
      'general.architecture': heads ? 'llama' : 'qwen2',
      'adapter.type': 'lora',
    });
    const alpha = header.metadata.get('adapter.lora.alpha') as number;
    const { modules } = await readAdapterFolder(at('adapter'));
    const names = { [Q]: 'blk.0.attn_q', [K]: 'blk.1.attn_k', [DOWN]: 'blk.1.ffn_down' };
    expect([...header.tensors.keys()].toSorted()).toEqual(
      Object.values(names)
        .flatMap((name) => [`${name}.weight.lora_a`, `${name}.weight.lora_b`])
        .toSorted(),
    );
    for (const [module, name] of Object.entries(names)) {
      const own = modules.get(module);
      if (!own) throw new Error(module);
      expect(await values(`${name}.weight.lora_a`)).toEqual([...own.A]);
      const stored = { ...own, B: Float32Array.from(await values(`${name}.weight.lora_b`)) };
      const wanted = rowsOf(delta(own, own.scaling), own.inFeatures);
      const rotated = module === Q ? heads?.[0] : module === K ? heads?.[1] : undefined;
      close(delta(stored, alpha / own.r), (rotated ? permuted(wanted, rotated) : wanted).flat());
    }
    expect(report.files['adapter.gguf']).toEqual(await hashFile(at('out', 'adapter.gguf')));
    expect(report).toMatchObject({ main: 'adapter.gguf', dtype: 'f32', summary: 'effective modules 3 of 3' });
  });

  test('keeps A and B to the bit where one alpha says it all, rsLoRA included, and rounds to f16 by default', async () => {
    await makeBase(qwen);
    await makeAdapter({ use_rslora: true, r: 4, lora_alpha: 6 });
    await run(gguf());
    const { header, values } = await openGguf('adapter.gguf');
    expect(header.metadata.get('adapter.lora.alpha')).toBe(12);
    const { modules } = await readAdapterFolder(at('adapter'));
    expect(await values('blk.0.attn_q.weight.lora_b')).toEqual([...(modules.get(Q)?.B ?? [])]);
    await rm(at('out'), { recursive: true });
    await run(gguf({ dtype: undefined }));
    const half = await openGguf('adapter.gguf');
    expect(half.header.tensors.get('blk.0.attn_q.weight.lora_b')?.type.name).toBe('F16');
  });
});

describe('a model in GGUF', () => {
  test('comes back to the bit: tensors, sizes and tokenizer of a Llama', async () => {
    await makeBase();
    const report = await run(merged({ adapter: undefined }));
    expect(report).toMatchObject({ main: 'model.gguf', adapter: null, summary: null, warnings: [] });
    const { header } = await openGguf('model.gguf');
    expect(header.metadata.get('tokenizer.ggml.add_bos_token')).toBe(false);
    await ggufToBase(at('out', 'model.gguf'), at('back'));
    const [base, back] = [await openBaseModel(at('base')), await openBaseModel(at('back'))];
    expect([...back.tensors.keys()].toSorted()).toEqual([...base.tensors.keys()].toSorted());
    for (const name of base.tensors.keys())
      expect(await readTensorFloat32(back, name)).toEqual(await readTensorFloat32(base, name));
    const { model_type, hidden_size, num_key_value_heads, rope_theta, tie_word_embeddings, rms_norm_eps } = llama;
    const same = { model_type, hidden_size, num_key_value_heads, rope_theta, tie_word_embeddings, rms_norm_eps };
    expect(back.config).toMatchObject(same);
    const tokenizer = async (path: string): Promise<ReturnType<typeof loadTokenizer>> =>
      loadTokenizer({
        tokenizerJson: await readJsonFile(join(path, 'tokenizer.json')),
        tokenizerConfig: await readJsonFile(join(path, 'tokenizer_config.json')),
      });
    const [ours, theirs] = [await tokenizer(at('base')), await tokenizer(at('back'))];
    for (const text of ["It's 12°, <|im_start|>user\n  ünd 🙂", '', ' a  b'])
      expect(theirs.encode(text)).toEqual(ours.encode(text));
    expect(theirs.eos).toEqual(ours.eos);
    expect(theirs.addsBos).toBe(false);
    expect(await readFile(at('out', 'Modelfile'), 'utf8')).toBe('FROM ./model.gguf\n');
  });

  test("keeps the rows of Qwen2 in order, its biases and norms in f32, and Llama 3's rotary factors", async () => {
    const scaling = { rope_type: 'llama3', factor: 32, low_freq_factor: 1, high_freq_factor: 4 };
    const rope = { rope_theta: 500_000, rope_scaling: { ...scaling, original_max_position_embeddings: 8192 } };
    await makeBase({ ...qwen, ...rope });
    await run(merged({ adapter: undefined, dtype: 'f16' }));
    const { header, values } = await openGguf('model.gguf');
    const base = await openBaseModel(at('base'));
    const types = Object.fromEntries([...header.tensors.values()].map(({ name, type }) => [name, type.name]));
    expect(types).toMatchObject({
      'blk.0.attn_q.weight': 'F16',
      'blk.0.attn_q.bias': 'F32',
      'blk.1.ffn_norm.weight': 'F32',
      'output.weight': 'F16',
      'rope_freqs.weight': 'F32',
    });
    expect(header.metadata.get('general.architecture')).toBe('qwen2');
    expect(await values('blk.0.attn_q.bias')).toEqual([...(await readTensorFloat32(base, `${Q}.bias`))]);
    close(await values('blk.0.attn_q.weight'), [...(await readTensorFloat32(base, `${Q}.weight`))], 3);
    expect(Math.max(...(await values('rope_freqs.weight')))).toBeCloseTo(32, 4);
    await rm(at('out'), { recursive: true });
    await makeBase({ ...llama, model_type: 'qwen3' });
    await run(merged({ adapter: undefined }));
    const three = (await openGguf('model.gguf')).header;
    expect(three.metadata.get('general.architecture')).toBe('qwen3');
    expect(three.tensors.get('blk.1.attn_k_norm.weight')?.type.name).toBe('F32');
  });

  test('has an adapter merged into it as a merge would, and permutes after', async () => {
    await makeBase();
    await makeAdapter(patterns);
    const report = await run(merged({ dtype: 'q8_0' }));
    expect(report.summary).toBe('effective modules 3 of 3');
    const eight = await openGguf('model.gguf');
    await rm(at('out'), { recursive: true });
    const merge = { kind: 'merge', base: at('base'), adapter: at('adapter'), output: at('whole'), dtype: 'f32' };
    await runMerge(parseSpec(merge) as Parameters<typeof runMerge>[0], rememberingContext()); // of that kind
    await run(merged({ adapter: undefined, base: at('whole') }));
    const whole = await openGguf('model.gguf');
    for (const name of whole.header.tensors.keys()) {
      const [wanted, found] = [await whole.values(name), await eight.values(name)];
      const step = name.includes('norm') ? 1e-12 : Math.max(...wanted.map(Math.abs)) / 127;
      const worst = Math.max(...found.map((value, i) => Math.abs(value - (wanted[i] as number))));
      // half a step, and 127 times what rounding the step to f16 may change
      expect(worst, name).toBeLessThanOrEqual((0.5 + 127 / 2048) * step);
    }
  });

  test('stores rows that are no whole blocks as f16 and says so, and warns of a window', async () => {
    await makeBase({ ...tinyBaseConfig, model_type: 'mistral', sliding_window: 16 });
    const { warnings } = await run(merged({ adapter: undefined, dtype: 'q8_0' }));
    expect(warnings.map(({ code }) => code)).toEqual(['not-quantized', 'no-window']);
    const { header } = await openGguf('model.gguf');
    expect(header.tensors.get('token_embd.weight')?.type.name).toBe('F16');
  });

  test('gets an output embedding of its own where the adapter changes a tied one', async () => {
    await makeBase({ ...llama, tie_word_embeddings: true });
    await makeAdapter({}, { lm_head: [32, 272] });
    await run(merged());
    const { header, values } = await openGguf('model.gguf');
    expect(header.tensors.has('output.weight')).toBe(true);
    expect(await values('output.weight')).not.toEqual(await values('token_embd.weight'));
  });
});

describe('a flattened adapter', () => {
  test('has one rank and the scaling 1, and the same updates', async () => {
    await makeAdapter(patterns);
    const report = await run(flat({ baseModelName: 'served/base' }));
    expect((await readdir(at('out'))).toSorted()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    expect(Object.keys(report.files).toSorted()).toEqual((await readdir(at('out'))).toSorted());
    for (const [name, digest] of Object.entries(report.files)) expect(await hashFile(at('out', name))).toEqual(digest);
    const config = await readJsonFile(at('out', 'adapter_config.json'));
    expect(config).toMatchObject({
      r: 4,
      lora_alpha: 4,
      target_modules: ['down_proj', 'k_proj', 'q_proj'].toSorted(),
      base_model_name_or_path: 'served/base',
    });
    for (const key of ['rank_pattern', 'alpha_pattern', 'use_rslora']) expect(config).not.toHaveProperty(key);
    const [before, after] = [await readAdapterFolder(at('adapter')), await readAdapterFolder(at('out'))];
    for (const [name, module] of before.modules) {
      const now = after.modules.get(name);
      if (!now) throw new Error(name);
      expect([now.r, now.scaling]).toEqual([4, 1]);
      close(delta(now, 1), delta(module, module.scaling));
    }
  });

  test('selects by whole names where last names would select more, and fills layers with zeros where asked', async () => {
    await makeBase();
    await makeAdapter({ target_modules: `(${[Q, K, DOWN].join('|')})` });
    await run(flat({ base: at('base') }));
    const names = await readAdapterFolder(at('out'));
    expect(names.config.target_modules).toEqual([Q, DOWN, K]);
    await rm(at('out'), { recursive: true });
    await run(flat({ base: at('base'), fillLayers: true }));
    const { config, modules } = await readAdapterFolder(at('out'));
    expect(config.target_modules).toEqual(['down_proj', 'k_proj', 'q_proj']);
    const kinds = ['self_attn.q_proj', 'self_attn.k_proj', 'mlp.down_proj'];
    expect([...modules.keys()].toSorted()).toEqual(
      [0, 1].flatMap((layer) => kinds.map((kind) => `model.layers.${layer}.${kind}`)).toSorted(),
    );
    expect(modules.get('model.layers.1.self_attn.q_proj')?.B.every((value) => value === 0)).toBe(true);
    expect(modules.get(Q)?.B.some((value) => value !== 0)).toBe(true);
  });
});

describe('a PEFT export', () => {
  test('holds three files: weights as they were, a clean config, a card', async () => {
    await makeAdapter();
    await writeFile(at('adapter', 'optimizer.safetensors'), 'x');
    await writeFile(at('adapter', 'config.json'), '{}');
    const { files } = await run(spec({ format: 'peft', baseModelName: 'served/base' }));
    expect((await readdir(at('out'))).toSorted()).toEqual(Object.keys(files).toSorted());
    expect(Object.keys(files).toSorted()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors']);
    const weights = 'adapter_model.safetensors';
    expect(await hashFile(at('out', weights))).toEqual(await hashFile(at('adapter', weights)));
    expect(await readJsonFile(at('out', 'adapter_config.json'))).toMatchObject({
      base_model_name_or_path: 'served/base',
    });
  });

  test('passes on what cannot be trained here with all it says, and keeps the card', async () => {
    await makeAdapter();
    const path = at('adapter', 'adapter_config.json');
    const config = { ...((await readJsonFile(path)) as object), use_dora: true, lora_bias: true };
    await writeFile(path, JSON.stringify(config));
    await writeFile(at('adapter', 'README.md'), 'mine');
    await run(spec({ format: 'peft' }));
    expect(await readJsonFile(at('out', 'adapter_config.json'))).toEqual(config);
    expect(await readFile(at('out', 'README.md'), 'utf8')).toBe('mine');
  });
});
