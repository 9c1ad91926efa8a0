import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openAdapterFolder } from '../../gpu-job/folders/adapter.ts';
import {
  factors,
  memoryFiles,
  safetensorsBytes,
  sha256,
  type MemoryTensors,
} from '../../test/support/memory-adapter.ts';
import { adapterValidationSchema, type AdapterValidation } from '../contract/adapter-validation.ts';
import { bytesSource } from '../formats/bytes.ts';
import { limits } from '../limits.ts';
import { validateAdapter } from './validate-adapter.ts';

const Q = 'model.layers.0.self_attn.q_proj';
const UP = 'model.layers.0.mlp.up_proj';
const base = [
  { name: 'model.embed_tokens.weight', shape: [12, 6], dtype: 'F32' as const },
  { name: 'model.norm.weight', shape: [6], dtype: 'F32' as const },
  { name: `${Q}.weight`, shape: [6, 6], dtype: 'F32' as const },
  { name: `${UP}.weight`, shape: [10, 6], dtype: 'F32' as const },
];
const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj', 'up_proj'] };
const healthy = { ...factors(Q, 2, 6, 6), ...factors(UP, 2, 6, 10) };
const A = (module: string): string => `base_model.model.${module}.lora_A.weight`;
const B = (module: string): string => `base_model.model.${module}.lora_B.weight`;

interface Case {
  readonly config?: unknown;
  readonly tensors?: MemoryTensors;
  /** Bytes of the weights file instead of tensors, made of those of a healthy one. */
  readonly bytes?: (healthy: Uint8Array) => Uint8Array | undefined;
  readonly names?: readonly string[];
  readonly base?: readonly { name: string; shape: number[]; dtype?: 'F32' | 'U8' }[] | null;
}

const codesSeen = new Set<string>();

async function check(given: Case = {}): Promise<AdapterValidation> {
  const written = await safetensorsBytes(given.tensors ?? healthy);
  const weights = given.bytes ? given.bytes(written) : written;
  const files = memoryFiles('config' in given ? given.config : config, weights, given.names);
  const result = await validateAdapter(files, {
    newHash: sha256,
    ...(given.base === null ? {} : { baseTensors: given.base ?? base }),
  });
  for (const { code } of result.findings) codesSeen.add(code);
  expect(adapterValidationSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  return result;
}

const told = ({ findings }: AdapterValidation, severity: string): string[] =>
  findings
    .filter((finding) => finding.severity === severity)
    .map(({ code, where }) => (where === undefined ? code : `${code} ${where}`));

const without = (...names: string[]): MemoryTensors =>
  Object.fromEntries(Object.entries(healthy).filter(([name]) => !names.includes(name)));
const renamed = (change: (name: string) => string): MemoryTensors =>
  Object.fromEntries(Object.entries(healthy).map(([name, tensor]) => [change(name), tensor]));
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
/** A file with a header written by hand. */
function raw(header: unknown, dataBytes: number): Uint8Array {
  const json = text(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const entry = (from: number, to: number, shape = [1, (to - from) / 4], dtype = 'F32'): object => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

const weightsFile = 'adapter_model.safetensors';

describe('refuses', () => {
  test.each<[string, Case, string[]]>([
    ['a file cut short', { bytes: (all) => all.slice(0, -1) }, [`truncated ${weightsFile}`]],
    ['a file of seven bytes', { bytes: () => text('1234567') }, [`too-short ${weightsFile}`]],
    ['a header that is no JSON', { bytes: () => raw('x', 0).with(8, 0x7b) }, [`header-not-json ${weightsFile}`]],
    [
      'overlapping tensors',
      { bytes: () => raw({ a: entry(0, 8), b: entry(4, 12) }, 12) },
      [`overlap ${weightsFile} "b"`],
    ],
    [
      'a hole between tensors',
      { bytes: () => raw({ a: entry(0, 4), b: entry(8, 12) }, 12) },
      [`hole ${weightsFile} "b"`],
    ],
    ['bytes after the tensors', { bytes: () => raw({ a: entry(0, 4) }, 8) }, [`trailing-data ${weightsFile}`]],
    [
      'an unknown dtype',
      { bytes: () => raw({ a: entry(0, 4, [1, 1], 'F31') }, 4) },
      [`unknown-dtype ${weightsFile} "a"`],
    ],
    [
      'a dtype without floats',
      { tensors: { ...healthy, [A(Q)]: { shape: [2, 6], dtype: 'I8' } } },
      [`unusable-dtype ${A(Q)}`],
    ],
    [
      'a pickle under the name of a safetensors file',
      { bytes: () => text(`PK\x03\x04${'\0'.repeat(60)}`) },
      [`foreign-format ${weightsFile}`],
    ],
    ['a pickle alone', { bytes: () => undefined, names: ['adapter_model.bin'] }, ['pickle adapter_model.bin']],
    ['a pickle beside the weights', { names: ['training_args.bin'] }, ['pickle training_args.bin']],
    ['two weights files', { names: ['model.safetensors'] }, ['several-weights model.safetensors']],
    [
      'weights under another name',
      { bytes: () => undefined, names: ['lora.safetensors'] },
      [`weights-missing ${weightsFile}`],
    ],
    [
      'files of something else',
      { names: ['run.py', 'checkpoint-1/README.md'] },
      ['foreign-file run.py', 'foreign-file checkpoint-1/README.md'],
    ],
    [
      'nothing at all',
      { config: undefined, bytes: () => undefined },
      ['config-missing adapter_config.json', `weights-missing ${weightsFile}`],
    ],
    [
      'a whole model',
      { config: undefined, bytes: () => undefined, names: ['config.json', 'model.safetensors'] },
      ['base-given config.json', `weights-missing ${weightsFile}`],
    ],
    ['a config that is no JSON', { config: '{"r":' }, ['config-not-json adapter_config.json']],
    ['a config that is no object', { config: '[]' }, ['config adapter_config.json']],
    ['a config without a type', { config: { ...config, peft_type: undefined } }, ['config peft_type']],
    ['a type in lower case', { config: { ...config, peft_type: 'lora' } }, ['config peft_type']],
    [
      'wrong values in the config, all of them',
      { config: { ...config, r: 0, lora_alpha: 0, bias: 'some' } },
      ['lora-config r', 'lora-config lora_alpha', 'lora-config bias'],
    ],
    [
      'no target at all',
      { config: { ...config, target_modules: [] } },
      ['lora-config target_modules', `not-targeted ${Q}`, `not-targeted ${UP}`, `no-effect ${weightsFile}`],
    ],
    ['a malformed pattern', { config: { ...config, target_modules: '(q_proj' } }, ['lora-config target_modules']],
    [
      'a base of another size',
      { base: base.map((tensor) => ({ ...tensor, shape: tensor.shape.map((size) => 2 * size) })) },
      [`base-size-mismatch ${Q}`, `base-size-mismatch ${UP}`, `no-effect ${weightsFile}`],
    ],
    [
      'a missing prefix',
      { tensors: renamed((name) => name.replace('model.model.', 'model.')) },
      ['wrong-prefix layers.0.mlp.up_proj', `no-effect ${weightsFile}`],
    ],
    [
      'a wrong prefix',
      { tensors: renamed((name) => name.replace('model.layers', 'language_model.layers')) },
      ['wrong-prefix language_model.layers.0.mlp.up_proj', `no-effect ${weightsFile}`],
    ],
    [
      'names of another architecture',
      { tensors: factors('transformer.h.0.q_proj', 2, 6, 6) },
      ['no-such-module transformer.h.0.q_proj', `no-effect ${weightsFile}`],
    ],
    [
      "names without PEFT's own prefix",
      { tensors: renamed((name) => name.replace('base_model.model.', '')) },
      [
        ...Object.keys(healthy).map((name) => `no-prefix ${name.replace('base_model.model.', '')}`),
        `no-modules ${weightsFile}`,
      ].toSorted(),
    ],
    [
      "names as in PEFT's memory",
      { tensors: { ...healthy, [`base_model.model.${Q}.lora_A.default.weight`]: { shape: [2, 6] } } },
      [`named-adapter base_model.model.${Q}.lora_A.default.weight`],
    ],
    ['a missing partner', { tensors: without(B(Q)) }, [`missing-partner ${A(Q)}`]],
    ['a rank that is not the config’s', { config: { ...config, rank_pattern: { q_proj: 3 } } }, [`rank-mismatch ${Q}`]],
    ['factors of different ranks', { tensors: { ...healthy, [B(Q)]: { shape: [6, 3] } } }, [`rank-disagreement ${Q}`]],
    ['a factor that is no matrix', { tensors: { ...healthy, [B(Q)]: { shape: [12] } } }, [`bad-shape ${B(Q)}`]],
    [
      'NaN and infinity',
      {
        tensors: {
          ...healthy,
          [A(Q)]: { shape: [2, 6], values: [0, Number.NaN, ...Array<number>(10).fill(1)] },
          [B(UP)]: { shape: [10, 2], dtype: 'BF16', values: Array<number>(20).fill(-Infinity) },
        },
      },
      [`not-finite ${A(Q)}`, `not-finite ${B(UP)}`],
    ],
    [
      'B zero everywhere',
      {
        tensors: {
          ...healthy,
          [B(Q)]: { shape: [6, 2], values: Array<number>(12).fill(0) },
          [B(UP)]: { shape: [10, 2], values: Array<number>(20).fill(-0) },
        },
      },
      [`all-zero ${weightsFile}`],
    ],
    [
      'magnitudes that the config does not ask for',
      { tensors: { ...healthy, [`base_model.model.${Q}.lora_magnitude_vector`]: { shape: [6] } } },
      [`unexpected-tensor base_model.model.${Q}.lora_magnitude_vector`],
    ],
    [
      'missing magnitudes',
      { config: { ...config, use_dora: true } },
      [`missing-partner ${A(Q)}`, `missing-partner ${A(UP)}`],
    ],
    [
      'zeros in a method that is not LoRA',
      { config: { peft_type: 'LOHA' }, tensors: { a: { shape: [2], values: [0, 0] } } },
      [`all-zero ${weightsFile}`],
    ],
  ])('%s', async (_, given, expected) => {
    const result = await check(given);
    expect(told(result, 'error').toSorted()).toEqual(expected.toSorted());
    expect(result.ok).toBe(false);
    expect(result.usable.merge).toEqual({ possible: false, why: ['it has errors'] });
  });

  test('everything at once, config, names, values and base', async () => {
    const result = await check({
      config: { ...config, lora_dropout: 2 },
      names: ['a.pt'],
      tensors: { ...without(B(Q)), [A(UP)]: { shape: [2, 6], values: Array<number>(12).fill(Number.NaN) } },
    });
    expect(told(result, 'error')).toEqual([
      'pickle a.pt',
      'lora-config lora_dropout',
      `missing-partner ${A(Q)}`,
      `not-finite ${A(UP)}`,
    ]);
  });

  test('a config one byte past the limit, and takes one at the limit', async () => {
    const padded = (bytes: number): string => JSON.stringify(config).padEnd(bytes, ' ');
    expect(told(await check({ config: padded(limits.adapterConfigBytesMax + 1) }), 'error')).toEqual([
      'config-too-large adapter_config.json',
    ]);
    expect((await check({ config: padded(limits.adapterConfigBytesMax) })).ok).toBe(true);
  });

  test('more files than the limit, and takes as many as the limit', async () => {
    const names = Array.from({ length: limits.adapterFilesMax - 2 }, (_, i) => `${i}.json`);
    expect((await check({ names })).ok).toBe(true);
    expect(told(await check({ names: [...names, 'x.json'] }), 'error')).toEqual(['too-many-files files']);
  });

  test('a header one byte past the limit, and takes one at the limit', async () => {
    const padded = (headerBytes: number) => (all: Uint8Array) => oddly(all, headerBytes);
    const result = await check({ bytes: padded(limits.adapterHeaderBytesMax + 1) });
    expect(told(result, 'error')).toEqual([`header-too-large ${weightsFile}`]);
    expect((await check({ bytes: padded(limits.adapterHeaderBytesMax) })).ok).toBe(true);
  });

  test('listing the first findings of a kind and counting the others', async () => {
    const many = Object.assign(
      {},
      ...Array.from({ length: limits.validationFindingsMax + 3 }, (_, i) => factors(`x.${i}.y`, 2, 6, 6)),
    ) as MemoryTensors;
    const { findings } = await check({ tensors: many, config: { ...config, target_modules: ['y'] } });
    const strangers = findings.filter(({ code }) => code === 'no-such-module');
    expect(strangers).toHaveLength(limits.validationFindingsMax + 1);
    expect(strangers.at(-1)?.message).toBe('and 3 more of this kind');
  });
});

const dora = Object.fromEntries(
  [[Q, 6] as const, [UP, 10] as const].map(([module, size]) => [
    `base_model.model.${module}.lora_magnitude_vector`,
    { shape: [size] },
  ]),
);
const embedding = {
  'base_model.model.model.embed_tokens.lora_embedding_A': { shape: [2, 12] },
  'base_model.model.model.embed_tokens.lora_embedding_B': { shape: [6, 2] },
};

type Expected = { readonly warnings?: string[]; readonly summary?: string; readonly usable?: boolean };
const accepted: [string, Case, Expected][] = [
  ['a plain adapter', {}, { usable: true }],
  ['one without a base at hand', { base: null }, { summary: '2 modules, not checked against a base', usable: true }],
  [
    'rank and alpha patterns',
    {
      config: { ...config, rank_pattern: { up_proj: 3 }, alpha_pattern: { 'layers.0.mlp.up_proj': 1 } },
      tensors: { ...healthy, ...factors(UP, 3, 6, 10) },
    },
    { usable: true },
  ],
  ['rsLoRA', { config: { ...config, use_rslora: true } }, { usable: true }],
  ['a regular expression', { config: { ...config, target_modules: '.*\\.(q|up)_proj' } }, { usable: true }],
  [
    'an expression that cannot be followed here',
    { config: { ...config, target_modules: '(?i).*\\.(Q|up)_proj' } },
    { warnings: ['pattern-unsupported target_modules'], summary: 'effective modules 2 of 2', usable: false },
  ],
  [
    'a subset of layers',
    { config: { ...config, layers_to_transform: [0], layers_pattern: 'layers' } },
    { usable: true },
  ],
  ['all-linear', { config: { ...config, target_modules: 'all-linear' } }, { usable: true }],
  ['an odd header', { bytes: (all) => oddly(all) }, { usable: true }],
  [
    'half-wide and double-wide values',
    { tensors: { ...factors(Q, 2, 6, 6, 'F16'), ...factors(UP, 2, 6, 10, 'F64') } },
    { usable: true },
  ],
  ['DoRA', { config: { ...config, use_dora: true }, tensors: { ...healthy, ...dora } }, { usable: false }],
  [
    'embeddings',
    {
      config: { ...config, target_modules: ['q_proj', 'up_proj', 'embed_tokens'] },
      tensors: { ...healthy, ...embedding },
    },
    { summary: 'effective modules 3 of 3', usable: false },
  ],
  [
    'fully trained modules',
    {
      config: { ...config, modules_to_save: ['lm_head'] },
      tensors: { ...healthy, 'base_model.model.lm_head.weight': { shape: [12, 6] } },
    },
    { usable: false },
  ],
  [
    'an enlarged vocabulary',
    { tensors: { ...healthy, 'base_model.model.model.embed_tokens.weight': { shape: [14, 6] } } },
    { usable: false },
  ],
  [
    'a bias on B',
    {
      config: { ...config, lora_bias: true },
      tensors: {
        ...healthy,
        [`base_model.model.${Q}.lora_B.bias`]: { shape: [6] },
        [`base_model.model.${UP}.lora_B.bias`]: { shape: [10] },
      },
    },
    { usable: false },
  ],
  [
    'trained biases',
    {
      config: { ...config, bias: 'lora_only' },
      tensors: { ...healthy, [`base_model.model.${Q}.bias`]: { shape: [6] } },
    },
    { usable: false },
  ],
  [
    'single tokens alone',
    {
      config: { ...config, target_modules: null, trainable_token_indices: [1] },
      tensors: { 'base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta': { shape: [1, 6] } },
    },
    { summary: 'effective modules 0 of 0', usable: false },
  ],
  [
    'bare parameters',
    {
      config: { ...config, target_parameters: ['mlp.experts.gate_up_proj'] },
      tensors: { ...healthy, ...factors('model.layers.0.mlp.experts', 8, 6, 10) },
    },
    { summary: 'effective modules 3 of 3', usable: false },
  ],
  [
    'a convolution',
    {
      config: { ...config, target_modules: ['conv'] },
      tensors: { [A('conv')]: { shape: [2, 3, 2, 2] }, [B('conv')]: { shape: [5, 2, 1, 1] } },
      base: [{ name: 'conv.weight', shape: [5, 3, 2, 2] }],
    },
    { usable: false },
  ],
  [
    'transposed layers',
    {
      config: { ...config, target_modules: ['c_attn'], fan_in_fan_out: true },
      tensors: factors('h.0.c_attn', 2, 6, 18),
      base: [{ name: 'h.0.c_attn.weight', shape: [6, 18] }],
    },
    { usable: false },
  ],
  [
    'a base of packed weights',
    { base: base.map((tensor) => (tensor.shape.length === 2 ? { ...tensor, shape: [99, 1], dtype: 'U8' } : tensor)) },
    { usable: true },
  ],
  [
    'an output embedding that the base ties to its input',
    { config: { ...config, target_modules: ['lm_head'] }, tensors: factors('lm_head', 2, 6, 12) },
    { usable: true },
  ],
  [
    'layer replication, of which the base knows nothing',
    {
      config: {
        ...config,
        layer_replication: [
          [0, 1],
          [0, 1],
        ],
      },
      tensors: { ...healthy, ...factors('model.layers.1.mlp.up_proj', 2, 6, 10) },
    },
    { warnings: ['base-not-checked adapter_config.json'], usable: false },
  ],
  [
    'other methods',
    {
      config: { peft_type: 'VERA' },
      tensors: { 'base_model.model.x.vera_lambda_b': { shape: [3] }, ids: { shape: [2], dtype: 'U8' } },
    },
    { warnings: ['method-not-checked peft_type'], usable: false },
  ],
  [
    'unknown methods',
    { config: { peft_type: 'NEXT' }, tensors: { a: { shape: [1] } } },
    { warnings: ['method-unknown peft_type'], usable: false },
  ],
  [
    'a card, a licence and a tokenizer',
    { names: ['README.md', 'LICENSE', 'tokenizer.json', 'chat_template.jinja', '.gitattributes'] },
    { usable: true },
  ],
  [
    'with a word: some B zero',
    { tensors: { ...healthy, [B(Q)]: { shape: [6, 2], values: Array<number>(12).fill(0) } } },
    { warnings: [`some-zero ${weightsFile}`], usable: true },
  ],
  [
    'with a word: modules that it leaves out',
    { tensors: factors(Q, 2, 6, 6), config: { ...config, target_modules: ['q_proj', 'up_proj', 'qproj'] } },
    {
      warnings: ['target-matches-nothing qproj', 'partial target_modules'],
      summary: 'effective modules 1 of 2',
      usable: true,
    },
  ],
  [
    'with a word: an initialisation that changes the base',
    { config: { ...config, init_lora_weights: 'pissa_niter_4' } },
    { warnings: ['init-changes-base init_lora_weights'], usable: false },
  ],
  [
    'with a word: a rank that cannot be used',
    { config: { ...config, r: 8 }, tensors: { ...factors(Q, 8, 6, 6), ...factors(UP, 8, 6, 10) } },
    { warnings: [`rank-above-size ${UP}`, `rank-above-size ${Q}`], usable: true },
  ],
  [
    'with a word: a copy that nothing names',
    { tensors: { ...healthy, 'base_model.model.model.norm.weight': { shape: [6] } } },
    { warnings: ['unlisted-tensor base_model.model.model.norm.weight'], usable: false },
  ],
  [
    'with a word: the config of a whole model beside it',
    { names: ['config.json'] },
    { warnings: ['base-config config.json'], usable: true },
  ],
];

describe('accepts', () => {
  test.each(accepted)('%s', async (_, given, { warnings = [], summary = '', usable }) => {
    const result = await check(given);
    expect(told(result, 'error')).toEqual([]);
    expect(told(result, 'warning')).toEqual(warnings);
    if (summary) expect(result.summary).toBe(summary);
    expect(result.ok).toBe(true);
    expect(result.usable.merge.possible, result.usable.merge.why.join()).toBe(usable);
  });

  test('other files with a word where they are only left out', async () => {
    const files = memoryFiles(config, await safetensorsBytes(healthy), ['optimizer.pt', 'trainer.log']);
    const result = await validateAdapter(files, { newHash: sha256, baseTensors: base, refuseOtherFiles: false });
    expect(told(result, 'warning')).toEqual(['pickle optimizer.pt', 'foreign-file trainer.log']);
  });
});

/** The same file with more spaces in its header: the data then begins at any alignment. */
function oddly(all: Uint8Array, headerBytes?: number): Uint8Array {
  const length = Number(new DataView(all.buffer, all.byteOffset).getBigUint64(0, true));
  const wanted = headerBytes ?? length + 3;
  const odd = new Uint8Array(all.length + wanted - length).fill(0x20);
  odd.set(all.subarray(0, 8 + length));
  odd.set(all.subarray(8 + length), 8 + wanted);
  new DataView(odd.buffer).setBigUint64(0, BigInt(wanted), true);
  return odd;
}

test('what is called usable is what the jobs open', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-usable-'));
  try {
    for (const [i, [name, given]] of accepted.entries()) {
      const { usable } = await check(given);
      const written = await safetensorsBytes(given.tensors ?? healthy);
      const path = join(folder, String(i));
      await mkdir(path);
      await writeFile(join(path, weightsFile), (given.bytes ? given.bytes(written) : written) ?? '');
      await writeFile(join(path, 'adapter_config.json'), JSON.stringify(given.config ?? config));
      const opened = await openAdapterFolder(path).catch(() => undefined);
      await opened?.close();
      expect(usable.merge.possible, name).toBe(opened !== undefined);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a source that fails is no fault of the adapter', async () => {
  const files = memoryFiles(config, await safetensorsBytes(healthy));
  const weights = { ...bytesSource(new Uint8Array(999), 'w'), read: () => Promise.reject(new Error('cable')) };
  await expect(validateAdapter({ ...files, weights }, { newHash: sha256 })).rejects.toThrow('cable');
});

test('docs/validation.md explains every finding, and none that there is not', () => {
  const root = new URL('../../', import.meta.url);
  const rows = readFileSync(new URL('docs/validation.md', root), 'utf8').matchAll(/^\| (`.*?`) +\|/gm);
  const explained = [...rows].flatMap(([, cell = '']) => cell.split(', ').map((code) => code.replaceAll('`', '')));
  expect([...codesSeen].filter((code) => !explained.includes(code))).toEqual([]);
  const source = ['shared/domain', 'shared/validation', 'shared/methods', 'shared/formats', 'shared/hub', 'cli/check']
    .flatMap((room) => readdirSync(new URL(room, root)).map((name) => `${room}/${name}`))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => readFileSync(new URL(path, root), 'utf8'))
    .join('\n');
  expect(explained.filter((code) => !source.includes(`'${code}'`))).toEqual([]);
});
