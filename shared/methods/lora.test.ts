import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { encodeLoraConfig, parseLoraConfig } from './lora-config-file.ts';
import { loraUnsupported } from './lora-unsupported.ts';
import { loraParameterCount, loraRank, loraScaling, loraTensorNames, loraTensorRole } from './lora.ts';

const minimal = { peft_type: 'LORA', target_modules: ['q_proj'] };

function findingsOf(value: unknown): string[] {
  try {
    parseLoraConfig(value);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('lora-config');
    return error.findings.map((finding) => finding.where ?? '');
  }
}

describe('parseLoraConfig refuses', () => {
  it.each<[string, unknown, string[]]>([
    ['what is no object', 'x', ['adapter_config.json']],
    ['missing target_modules', { peft_type: 'LORA' }, ['target_modules']],
    ['empty target_modules', { ...minimal, target_modules: [] }, ['target_modules']],
    ['rank 0', { ...minimal, r: 0 }, ['r']],
    ['a fractional rank', { ...minimal, r: 1.5 }, ['r']],
    ['a rank in rank_pattern that is none', { ...minimal, rank_pattern: { q_proj: 0 } }, ['rank_pattern.q_proj']],
    ['alpha 0', { ...minimal, lora_alpha: 0 }, ['lora_alpha']],
    ['dropout 1', { ...minimal, lora_dropout: 1 }, ['lora_dropout']],
    ['a negative dropout', { ...minimal, lora_dropout: -0.1 }, ['lora_dropout']],
    ['an unknown bias', { ...minimal, bias: 'some' }, ['bias']],
    ['a pattern it cannot read', { ...minimal, target_modules: '(?i)q_proj' }, ['target_modules']],
    ['a key of a pattern it cannot read', { ...minimal, alpha_pattern: { '(q': 3 } }, ['alpha_pattern.(q']],
    ['layers with a pattern', { ...minimal, target_modules: '.*', layers_to_transform: [1] }, ['layers_to_transform']],
    ['layers_pattern alone', { ...minimal, layers_pattern: 'h' }, ['layers_pattern']],
    ['everything at once', { r: -1, lora_alpha: 'x', target_modules: 3 }, ['r', 'lora_alpha', 'target_modules']],
  ])('%s', (_, value, expected) => {
    expect(findingsOf(value)).toEqual(expected);
  });

  it('other methods by name', () => {
    expect(() => parseLoraConfig({ peft_type: 'VERA', target_modules: ['q'] })).toThrow(/describes a VERA adapter/);
  });

  it('a rank one past the limit, and takes one at the limit', () => {
    expect(findingsOf({ ...minimal, r: limits.loraRankMax + 1 })).toEqual(['r']);
    expect(parseLoraConfig({ ...minimal, r: limits.loraRankMax }).r).toBe(16_384);
  });
});

describe('parseLoraConfig', () => {
  it("fills in PEFT's defaults, null included, and keeps keys it does not know", () => {
    const config = parseLoraConfig({
      ...minimal,
      rank_pattern: null,
      init_lora_weights: null,
      peft_version: '0.21.2',
      eva_config: null,
    });
    expect(config).toEqual({
      peft_type: 'LORA',
      task_type: null,
      base_model_name_or_path: null,
      revision: null,
      inference_mode: false,
      r: 8,
      lora_alpha: 8,
      lora_dropout: 0,
      target_modules: ['q_proj'],
      exclude_modules: null,
      bias: 'none',
      fan_in_fan_out: false,
      use_rslora: false,
      use_dora: false,
      rank_pattern: {},
      alpha_pattern: {},
      modules_to_save: null,
      init_lora_weights: true,
      layers_to_transform: null,
      layers_pattern: null,
      extra: { peft_version: '0.21.2', eva_config: null },
    });
  });

  it('reads what PEFT wrote', () => {
    for (const name of ['llama-tiny/adapter', 'lora-patterns/regex', 'combine/cat-rslora-first']) {
      const url = new URL(`../../test/parity/fixtures/${name}/adapter_config.json`, import.meta.url);
      const config = parseLoraConfig(JSON.parse(readFileSync(url, 'utf8')));
      expect(loraUnsupported(config)).toEqual([]);
    }
  });
});

describe('loraUnsupported', () => {
  it.each<[string, object, string[]]>([
    ['plain LoRA: nothing', {}, []],
    [
      'harmless settings of new PEFT: nothing',
      { lora_bias: false, target_parameters: null, layer_replication: null },
      [],
    ],
    ['DoRA: nothing', { use_dora: true }, []],
    ['trained biases', { bias: 'lora_only' }, ['bias']],
    ['Conv1D', { fan_in_fan_out: true }, ['fan_in_fan_out']],
    ['fully trained modules: nothing', { modules_to_save: ['lm_head'] }, []],
    ['PiSSA', { init_lora_weights: 'pissa_niter_4' }, ['init_lora_weights']],
    [
      'a bias on B and replication',
      { lora_bias: true, layer_replication: [[0, 4]] },
      ['lora_bias', 'layer_replication'],
    ],
  ])('names %s', (_, options, expected) => {
    const config = parseLoraConfig({ ...minimal, ...options });
    expect(loraUnsupported(config).map((finding) => finding.where)).toEqual(expected);
  });
});

describe('encodeLoraConfig', () => {
  it('writes only keys that PEFT 0.3 knew when the others have their defaults', () => {
    const text = encodeLoraConfig(parseLoraConfig({ ...minimal, eva_config: {}, lora_dropout: 0.1 }));
    const expected =
      'base_model_name_or_path bias fan_in_fan_out inference_mode init_lora_weights lora_alpha lora_dropout modules_to_save peft_type r revision target_modules task_type';
    expect(Object.keys(JSON.parse(text) as object)).toEqual(expected.split(' '));
    expect(JSON.parse(text)).toMatchObject({ inference_mode: true, lora_dropout: 0.1 });
  });

  it('writes newer keys where they say something, and reads its own text back', () => {
    const config = parseLoraConfig({
      ...minimal,
      inference_mode: true,
      use_rslora: true,
      rank_pattern: { k_proj: 2 },
      alpha_pattern: { k_proj: 4 },
      layers_to_transform: [1],
      layers_pattern: 'layers',
      exclude_modules: ['v_proj'],
    });
    expect(parseLoraConfig(JSON.parse(encodeLoraConfig(config)))).toEqual(config);
  });
});

describe('loraScaling and loraRank', () => {
  const config = parseLoraConfig({
    ...minimal,
    r: 4,
    lora_alpha: 16,
    rank_pattern: { 'layers.1.q_proj': 16 },
    alpha_pattern: { k_proj: 3 },
  });

  it('divides alpha by the rank of the module', () => {
    expect(
      ['a.v_proj', 'a.k_proj', 'a.layers.1.q_proj'].map((m) => [loraRank(config, m), loraScaling(config, m)]),
    ).toEqual([
      [4, 4],
      [4, 0.75],
      [16, 1],
    ]);
  });

  it('divides by the square root of the rank with use_rslora', () => {
    expect(loraScaling({ ...config, use_rslora: true }, 'a.layers.1.q_proj')).toBe(4);
    expect(loraScaling({ ...config, use_rslora: true }, 'a.v_proj', 64)).toBe(2);
  });
});

describe('tensor names', () => {
  it('are read as they are written', () => {
    const { A, B } = loraTensorNames('model.layers.0.self_attn.q_proj');
    expect(A).toBe('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight');
    expect([loraTensorRole(A), loraTensorRole(B)]).toEqual([
      { kind: 'A', module: 'model.layers.0.self_attn.q_proj' },
      { kind: 'B', module: 'model.layers.0.self_attn.q_proj' },
    ]);
  });

  it.each([
    ['base_model.model.m.lora_B.bias', 'lora-bias'],
    ['base_model.model.m.lora_embedding_A', 'embedding'],
    ['base_model.model.m.lora_magnitude_vector', 'dora-magnitude'],
    ['base_model.model.m.lora_magnitude_vector.weight', 'dora-magnitude'],
    ['base_model.model.lm_head.weight', 'full-copy'],
    ['base_model.model.m.lora_A.default.weight', 'named-adapter'],
    ['model.layers.0.q_proj.lora_A.weight', 'no-prefix'],
  ])('%s is of the kind %s', (name, kind) => {
    expect(loraTensorRole(name).kind).toBe(kind);
  });

  it('count r (in + out) parameters a module', () => {
    expect(
      loraParameterCount([
        { r: 2, inFeatures: 3, outFeatures: 4 },
        { r: 1, inFeatures: 5, outFeatures: 5 },
      ]),
    ).toBe(24);
  });
});
