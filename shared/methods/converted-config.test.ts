import { expect, it } from 'vitest';
import { convertedConfig } from './converted-config.ts';
import { parseLoraConfig } from './lora-config-file.ts';
import { loraRank, loraScaling } from './lora.ts';

it.each([false, true])('twice the rank has the same scaling in every module, rank-stabilised %s', (use_rslora) => {
  const patterns = { rank_pattern: { k_proj: 3, up_proj: 5 }, alpha_pattern: { up_proj: 7, q_proj: 2 } };
  const given = { peft_type: 'LORA', target_modules: ['q_proj'], r: 4, lora_alpha: 6, init_lora_weights: 'pissa' };
  const config = parseLoraConfig({ ...given, ...patterns, use_rslora });
  const converted = convertedConfig(config);
  expect(converted.init_lora_weights).toBe(true);
  for (const module of ['q_proj', 'k_proj', 'v_proj', 'up_proj']) {
    expect(loraRank(converted, module)).toBe(2 * loraRank(config, module));
    expect(loraScaling(converted, module)).toBeCloseTo(loraScaling(config, module), 12);
  }
});
