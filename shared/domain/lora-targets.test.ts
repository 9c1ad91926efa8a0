import { expect, test } from 'vitest';
import { loraConfigSchema } from '../methods/lora.ts';
import { loraTargets } from './lora-targets.ts';

const linears = [0, 1].flatMap((layer) =>
  (['q_proj', 'v_proj', 'down_proj'] as const).map((name) => ({
    module: `model.layers.${layer}.${name}`,
    inFeatures: 8,
    outFeatures: name === 'v_proj' ? 4 : 8,
  })),
);
const plan = (config: Record<string, unknown>): ReturnType<typeof loraTargets> =>
  loraTargets(loraConfigSchema.parse({ target_modules: 'all-linear', r: 4, lora_alpha: 8, ...config }), linears);
const findings = (config: Record<string, unknown>): string[] =>
  plan(config).findings.map(({ severity, where, message }) => `${severity} ${where}: ${message}`);

test('every selected module has its own rank and scaling', () => {
  const config = { target_modules: ['q_proj'], rank_pattern: { '1.q_proj': 2 }, alpha_pattern: { '0.q_proj': 1 } };
  expect(plan(config)).toEqual({
    targets: [
      { module: 'model.layers.0.q_proj', r: 4, scaling: 1 / 4 },
      { module: 'model.layers.1.q_proj', r: 2, scaling: 8 / 2 },
    ],
    findings: [],
  });
  expect(plan({ use_rslora: true }).targets[0]?.scaling).toBe(8 / Math.sqrt(4));
});

test('targets that select nothing are an error that names what there is', () => {
  expect(findings({ target_modules: ['query', 'value'] })).toEqual([
    'error target_modules: selects no module of this base; its modules are named q_proj, v_proj, down_proj',
  ]);
  expect(findings({ target_modules: '.*query' })).toHaveLength(1);
});

test('an entry or a pattern that selects nothing beside others, and a rank beyond a module, are warnings', () => {
  expect(findings({ target_modules: ['q_proj', 'k_proj'], rank_pattern: { v_proj: 2 } })).toEqual([
    'warning target_modules: "k_proj" selects no module of this base; there are q_proj, v_proj, down_proj',
    'warning rank_pattern.v_proj: matches none of the selected modules',
  ]);
  expect(findings({ r: 6 })).toEqual([
    'warning r: 6 is more than the smaller side of model.layers.0.v_proj and 1 others: an update cannot use it',
  ]);
});

test('a config that contradicts itself is refused before anything is selected', () => {
  const { targets, findings } = plan({ layers_pattern: 'layers' });
  expect(targets).toEqual([]);
  expect(findings.map(({ where }) => where)).toContain('layers_pattern');
});
