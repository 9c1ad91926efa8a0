import { describe, expect, it } from 'vitest';
import { adapterFit, type AdapterFit, type AdapterModule } from './adapter-fit.ts';

const baseTensors = [
  { name: 'model.embed_tokens.weight', shape: [16, 8] },
  { name: 'model.norm.weight', shape: [8] },
  { name: 'model.layers.0.self_attn.q_proj.weight', shape: [8, 8] },
  { name: 'model.layers.0.self_attn.q_proj.bias', shape: [8] },
  { name: 'model.layers.0.self_attn.k_proj.weight', shape: [4, 8] },
  { name: 'model.layers.1.self_attn.q_proj.weight', shape: [8, 8] },
  { name: 'lm_head.weight', shape: [16, 8] },
];
const q0 = { module: 'model.layers.0.self_attn.q_proj', inFeatures: 8, outFeatures: 8 };
const q1 = { module: 'model.layers.1.self_attn.q_proj', inFeatures: 8, outFeatures: 8 };
const renamed = (module: string): AdapterModule => ({ ...q0, module });

function fit(target_modules: string[] | string, modules: AdapterModule[]): AdapterFit {
  return adapterFit({ target_modules }, modules, baseTensors);
}

const codes = ({ findings }: AdapterFit): string[] => findings.map((finding) => `${finding.severity} ${finding.code}`);

describe('adapterFit', () => {
  it('finds nothing wrong with an adapter that acts everywhere it says', () => {
    expect(fit(['q_proj'], [q0, q1])).toEqual({
      selected: [q0.module, q1.module],
      effective: [q0.module, q1.module],
      summary: 'effective modules 2 of 2',
      findings: [],
    });
  });

  it('warns where part of it does nothing', () => {
    const partial = fit(['q_proj', 'query'], [q0]);
    expect(partial.summary).toBe('effective modules 1 of 2');
    expect(codes(partial)).toEqual(['warning target-matches-nothing', 'warning partial']);
  });

  it('refuses names under a wrong or missing prefix, telling which were meant', () => {
    const wrong = fit(['q_proj'], [renamed('language_model.layers.0.self_attn.q_proj')]);
    expect(wrong.summary).toBe('effective modules 0 of 2');
    expect(codes(wrong)).toEqual(['error no-such-module', 'error no-effect']);
    expect(wrong.findings[0]?.message).toMatch(/"model\.layers\.0\.self_attn\.q_proj" is probably meant.*prefix/);
    const missing = fit(['q_proj'], [renamed('layers.0.self_attn.q_proj')]);
    expect(missing.findings[0]?.message).toMatch(/"model\.layers\.0\.self_attn\.q_proj" is probably meant.*missing/);
    const foreign = fit(['q_proj'], [renamed('transformer.h.0.attn.c_attn')]);
    expect(foreign.findings[0]?.message).toBe('the base has no such linear module');
  });

  it('refuses an adapter of another size', () => {
    const other = fit(['q_proj'], [{ ...q0, inFeatures: 16 }, q1]);
    expect(codes(other)).toEqual(['error size-mismatch', 'warning partial']);
    expect(other.findings[0]?.message).toMatch(/for 16 inputs and 8 outputs, the base has 8 and 8/);
  });

  it('refuses tensors that target_modules does not select, and a selection of nothing', () => {
    expect(codes(fit(['k_proj'], [q0]))).toEqual(['error not-targeted', 'error no-effect']);
    expect(codes(fit(['query'], [q0]))).toEqual([
      'error not-targeted',
      'warning target-matches-nothing',
      'error nothing-selected',
    ]);
    expect(codes(fit('.*query', []))).toEqual(['error nothing-selected']);
  });
});
