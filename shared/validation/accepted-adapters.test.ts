import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openAdapterFolder } from '../../gpu-job/folders/adapter.ts';
import {
  A,
  B,
  base,
  check,
  config,
  healthy,
  oddly,
  Q,
  told,
  UP,
  weightsFile,
  type AdapterCase,
} from '../../test/support/adapter-case.ts';
import { factors, memoryFiles, safetensorsBytes, sha256 } from '../../test/support/memory-adapter.ts';
import { validateAdapter } from './validate-adapter.ts';

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
const accepted: [string, AdapterCase, Expected][] = [
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
  ['DoRA', { config: { ...config, use_dora: true }, tensors: { ...healthy, ...dora } }, { usable: true }],
  [
    'embeddings',
    {
      config: { ...config, target_modules: ['q_proj', 'up_proj', 'embed_tokens'] },
      tensors: { ...healthy, ...embedding },
    },
    { summary: 'effective modules 3 of 3', usable: true },
  ],
  [
    'fully trained modules',
    {
      config: { ...config, modules_to_save: ['lm_head'] },
      tensors: { ...healthy, 'base_model.model.lm_head.weight': { shape: [12, 6] } },
    },
    { usable: true },
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
