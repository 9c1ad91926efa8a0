import { describe, expect, it } from 'vitest';
import { linearModules, meantModule, storableModules } from './base-modules.ts';

const baseTensors = [
  { name: 'model.embed_tokens.weight', shape: [16, 8] },
  { name: 'model.norm.weight', shape: [8] },
  { name: 'model.layers.0.self_attn.q_proj.weight', shape: [8, 8] },
  { name: 'model.layers.0.self_attn.q_proj.bias', shape: [8] },
  { name: 'model.layers.0.self_attn.k_proj.weight', shape: [4, 8] },
  { name: 'model.layers.1.self_attn.q_proj.weight', shape: [8, 8] },
  { name: 'lm_head.weight', shape: [16, 8] },
];

describe('linearModules', () => {
  it('leaves out embeddings, norms and biases, and keeps the output embedding', () => {
    expect([...linearModules(baseTensors).keys()]).toEqual([
      'model.layers.0.self_attn.q_proj',
      'model.layers.0.self_attn.k_proj',
      'model.layers.1.self_attn.q_proj',
      'lm_head',
    ]);
  });
});

describe('storableModules', () => {
  it('has embeddings, convolutions, transposed layers and packed weights too', () => {
    const tensors = [
      { name: 'embed_tokens.weight', shape: [16, 8] },
      { name: 'conv.weight', shape: [6, 5, 3, 2] },
      { name: 'packed.weight', shape: [1, 99], dtype: 'U8' as const },
      { name: 'norm.weight', shape: [8] },
    ];
    expect(Object.fromEntries(storableModules(tensors))).toEqual({
      embed_tokens: { kind: 'embedding', inFeatures: 16, outFeatures: 8 },
      conv: { kind: 'linear', inFeatures: 30, outFeatures: 6 },
      packed: { kind: 'linear' },
      lm_head: { kind: 'linear', inFeatures: 8, outFeatures: 16 },
    });
    expect(
      storableModules([{ name: 'a.c_attn.weight', shape: [8, 24] }], { transposed: true }).get('a.c_attn'),
    ).toEqual({
      kind: 'linear',
      inFeatures: 8,
      outFeatures: 24,
    });
  });
});

describe('meantModule', () => {
  it('finds the module of the longest common tail, and none where only the last name is alike', () => {
    const names = ['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.q_proj'];
    expect(meantModule('layers.1.self_attn.q_proj', names)).toBe(names[1]);
    expect(meantModule('language_model.layers.1.self_attn.q_proj', names)).toBe(names[1]);
    expect(meantModule('transformer.h.1.q_proj', names)).toBeUndefined();
  });
});
