import { describe, expect, it } from 'vitest';
import { engines, servability, type Engine, type Verdict } from './servability.ts';
import type { StoredAdapter } from './servability-facts.ts';

const Q = 'model.layers.0.self_attn.q_proj';
const Q1 = 'model.layers.1.self_attn.q_proj';
const UP = 'model.layers.0.mlp.up_proj';
const UP1 = 'model.layers.1.mlp.up_proj';
type Tensor = StoredAdapter['tensors'][number];
const tensor = (name: string, ...shape: number[]): Tensor => ({
  name: `base_model.model.${name}`,
  dtype: 'F32',
  shape,
});
const pair = (module: string, r = 8, [inside, outside] = [32, 32]): Tensor[] => [
  tensor(`${module}.lora_A.weight`, r, inside ?? 0),
  tensor(`${module}.lora_B.weight`, outside ?? 0, r),
];
const weight = (module: string, out = 32, inside = 32): { name: string; shape: number[] } => ({
  name: `${module}.weight`,
  shape: [out, inside],
});
const base = {
  modelType: 'llama',
  tiedEmbeddings: true,
  tensors: [...[Q, Q1, UP, UP1].map((module) => weight(module)), weight('model.embed_tokens', 100)],
};
const config = {
  peft_type: 'LORA',
  r: 8,
  lora_alpha: 16,
  target_modules: ['q_proj', 'up_proj'],
  base_model_name_or_path: 'org/base',
};
const plain: StoredAdapter = { config, tensors: [Q, Q1, UP, UP1].flatMap((module) => pair(module)), base };

const change = (own: object, tensors: readonly Tensor[] = plain.tensors, more: object = {}): StoredAdapter => ({
  config: { ...config, ...own },
  tensors,
  base: { ...base, ...more },
});
const verdicts = (adapter: StoredAdapter): string =>
  servability(adapter)
    .map(({ verdict }) => verdict)
    .join(' ');
const of = (engine: Engine, adapter: StoredAdapter) => {
  const report = servability(adapter).find((other) => other.engine === engine);
  if (!report) throw new Error(engine);
  return report;
};

/** In the order PEFT, vLLM, SGLang, LoRAX, TGI, llama.cpp, Ollama. */
const row = (...words: Verdict[]): string => words.join(' ');
const alone = row('ready', 'no', 'no', 'no', 'no', 'no', 'no');
const merged = row('ready', 'no', 'no', 'no', 'no', 'export', 'export');
const layered = row('ready', 'ready', 'ready', 'flatten', 'flatten', 'export', 'export');
const patterned = row('ready', 'flatten', 'flatten', 'flatten', 'flatten', 'export', 'export');

describe('servability', () => {
  it.each<[string, StoredAdapter, string, RegExp]>([
    ['DoRA', change({ use_dora: true }), merged, /use_dora: DoRA is refused.*merged model/],
    [
      'DoRA that only its tensors tell',
      change({}, [...plain.tensors, tensor(`${Q}.lora_magnitude_vector`, 32)]),
      alone,
      /DoRA/,
    ],
    ['fully trained modules', change({ modules_to_save: ['lm_head'] }), merged, /modules_to_save: fully trained/],
    [
      'a whole tensor',
      change({}, [...plain.tensors, tensor('lm_head.weight', 100, 32)]),
      alone,
      /lm_head.weight: a fully/,
    ],
    ['trained biases', change({ bias: 'all' }), alone, /bias: trained biases/],
    ['a bias on B', change({ lora_bias: true }), alone, /lora_bias: a bias on B/],
    ['LoRA on bare parameters', change({ target_parameters: ['experts.w'] }), alone, /target_parameters/],
    ['PiSSA', change({ init_lora_weights: 'pissa' }), alone, /init_lora_weights: A and B fit a base/],
    [
      'embeddings',
      change({}, [...plain.tensors, tensor('model.embed_tokens.lora_embedding_A', 8, 100)]),
      merged,
      /embeddings/,
    ],
    ['another method', { ...plain, config: { peft_type: 'VERA' } }, alone, /cannot be used/],
    ['a pattern that we do not read', change({ target_modules: '(?i)q' }), alone, /target_modules/],
    [
      'names without a prefix',
      change({}, [{ ...tensor('x', 1), name: `${Q}.lora_A.weight` }]),
      row('no', 'no', 'no', 'no', 'no', 'no', 'no'),
      /names that PEFT/,
    ],
    [
      'another base',
      change({}, pair(Q, 8, [64, 32])),
      row('no', 'no', 'no', 'no', 'no', 'no', 'no'),
      /made for another base/,
    ],
    [
      'a rank above all',
      change(
        { r: 640 },
        [Q, Q1].flatMap((module) => pair(module, 640)),
      ),
      row('ready', 'no', 'ready', 'ready', 'ready', 'export', 'export'),
      /640 is above 512/,
    ],
    ['a scaling of its own', change({ alpha_pattern: { up_proj: 4 } }), patterned, /one lora_alpha/],
    [
      'a rank that changes the scaling',
      change({ rank_pattern: { up_proj: 4 } }, [...pair(Q), ...pair(Q1), ...pair(UP, 4), ...pair(UP1, 4)]),
      patterned,
      /one lora_alpha/,
    ],
    [
      'layers that are left out',
      change({}, [...pair(Q), ...pair(UP), ...pair(UP1)]),
      layered,
      /self_attn.q_proj is missing in some layers/,
    ],
    [
      'ranks that differ between layers',
      change(
        {
          r: 8,
          lora_alpha: 8,
          rank_pattern: { 'layers.1': 4, [UP1]: 4, [Q1]: 4 },
          alpha_pattern: { [UP1]: 4, [Q1]: 4 },
        },
        [...pair(Q), ...pair(Q1, 4), ...pair(UP), ...pair(UP1, 4)],
      ),
      layered,
      /must be alike in all layers/,
    ],
    [
      'rank-stabilised',
      change({ use_rslora: true }),
      row('ready', 'ready', 'flatten', 'ready', 'ready', 'export', 'export'),
      /use_rslora/,
    ],
    [
      'a pattern for targets',
      change({ target_modules: '.*(q_proj|up_proj)' }),
      row('ready', 'ready', 'flatten', 'ready', 'ready', 'export', 'export'),
      /list of names/,
    ],
    [
      'a family without GGUF here',
      change({}, plain.tensors, { modelType: 'gemma2' }),
      row('ready', 'ready', 'ready', 'ready', 'ready', 'no', 'no'),
      /gemma2 cannot be written/,
    ],
    [
      'a tied output embedding',
      change({ target_modules: ['q_proj', 'up_proj', 'lm_head'] }, [
        ...plain.tensors,
        ...pair('lm_head', 8, [32, 100]),
      ]),
      row('ready', 'ready', 'ready', 'ready', 'ready', 'export', 'export'),
      /shares with its input/,
    ],
    ['plain LoRA', plain, row('ready', 'ready', 'ready', 'ready', 'ready', 'export', 'export'), /GGUF/],
    [
      'plain LoRA without its base',
      { config, tensors: plain.tensors },
      row('ready', 'ready', 'ready', 'ready', 'ready', 'export', 'export'),
      /GGUF/,
    ],
  ])('of %s', (_, adapter, wanted, reason) => {
    expect(verdicts(adapter)).toBe(wanted);
    expect(
      servability(adapter)
        .flatMap(({ reasons }) => reasons)
        .join('\n'),
    ).toMatch(reason);
  });

  it('names each engine once, in their order', () => {
    expect(servability(plain).map(({ engine }) => engine)).toEqual(engines);
  });

  it.each([
    [1, 1],
    [4, 8],
    [8, 8],
    [9, 16],
    [256, 256],
    [257, 320],
    [512, 512],
  ])('starts vLLM for rank %i with the smallest that it takes, %i', (r, wanted) => {
    const adapter = change(
      { r, lora_alpha: r },
      [Q, Q1].flatMap((module) => pair(module, r)),
    );
    expect(of('vLLM', adapter).settings).toEqual(['--enable-lora', `--max-lora-rank ${wanted}`]);
  });

  it('takes the largest rank of the tensors, not the one of the config', () => {
    const ranks = { rank_pattern: { up_proj: 64 }, alpha_pattern: { up_proj: 128 } };
    const adapter = change(ranks, [...pair(Q), ...pair(Q1), ...pair(UP, 64), ...pair(UP1, 64)]);
    expect(of('vLLM', adapter)).toMatchObject({ verdict: 'ready', settings: ['--enable-lora', '--max-lora-rank 64'] });
  });

  it('says which PEFT is needed', () => {
    const needed = (own: object): string | undefined => of('PEFT', change(own)).settings[0];
    expect(needed({})).toBe('peft>=0.3');
    expect(needed({ rank_pattern: {}, use_rslora: false })).toBe('peft>=0.3');
    expect(needed({ alpha_pattern: { q_proj: 3 } })).toBe('peft>=0.6');
    expect(needed({ use_rslora: true })).toBe('peft>=0.8');
    expect(needed({ use_dora: true, use_rslora: true })).toBe('peft>=0.9');
  });

  it('warns of Ollama, which takes an adapter and then does not use it', () => {
    const { verdict, reasons, settings } = of('Ollama', change({ lora_alpha: 16.5 }));
    expect(verdict).toBe('export');
    expect(reasons.join()).toMatch(/not yet implemented.*merged-gguf.*fractions/);
    expect(settings).toEqual(['FROM ./model.gguf']);
    expect(of('Ollama', plain).reasons).toHaveLength(1);
  });
});
