import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLoraConfig } from '../methods/lora-config-file.ts';
import { loraRank, loraScaling } from '../methods/lora.ts';
import { composedConfig } from './composed-config.ts';
import { selectModules } from './module-matching.ts';

const member = (change: object) => parseLoraConfig({ target_modules: ['q_proj'], ...change });

describe('the config of a composition', () => {
  it('gives every module its rank and scaling 1, even where one name ends like another', () => {
    const name = fc.constantFrom('q', 'a.q', 'b.a.q', 'c.b.a.q', 'layers.1.q', 'layers.11.q', 'x.layers.1.q', 'aq');
    fc.assert(
      fc.property(fc.dictionary(name, fc.integer({ min: 1, max: 3 }), { minKeys: 1 }), (entries) => {
        const ranks = new Map(Object.entries(entries));
        const config = composedConfig([member({ target_modules: '.*' })], ranks);
        for (const [module, r] of ranks) {
          expect(loraRank(config, module)).toBe(r);
          expect(loraScaling(config, module)).toBe(1);
        }
        expect(selectModules(config.target_modules, [...ranks.keys()], config)).toEqual([...ranks.keys()]);
      }),
    );
  });

  it('keeps short lists of names, and names modules in full where a member chose them by other means', () => {
    const ranks = new Map([['m.0.q_proj', 2]]);
    const lists = [member({}), member({ target_modules: ['up_proj', 'q_proj'] })];
    expect(composedConfig(lists, ranks).target_modules).toEqual(['q_proj', 'up_proj']);
    for (const change of [{ target_modules: 'all-linear' }, { exclude_modules: ['x'] }, { layers_to_transform: [0] }])
      expect(composedConfig([...lists, member(change)], ranks).target_modules).toEqual(['m.0.q_proj']);
  });

  it('takes over the base and the task from the first member that names them, and nothing else', () => {
    const members = [
      member({ use_rslora: true, lora_dropout: 0.1, rank_pattern: { x: 3 }, init_lora_weights: 'gaussian' }),
      member({ base_model_name_or_path: 'org/base', revision: 'v1', task_type: 'CAUSAL_LM' }),
    ];
    expect(composedConfig(members, new Map([['m', 4]]))).toMatchObject({
      base_model_name_or_path: 'org/base',
      revision: 'v1',
      task_type: 'CAUSAL_LM',
      r: 4,
      lora_alpha: 4,
      use_rslora: false,
      lora_dropout: 0,
      rank_pattern: {},
      init_lora_weights: true,
    });
  });
});
