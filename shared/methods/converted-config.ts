import type { LoraConfig } from './lora.ts';

/**
 * The config of an adapter that was trained on what an initialisation left of the base, once it is converted to the whole base:
 * s B A - s B0 A0 = s [B, -B0] [A; A0] has twice the rank, and lora_alpha grows with it so that s stays. As PEFT's
 * `path_initial_model_for_weight_conversion` writes it, which refuses patterns together with `use_rslora`.
 */
export function convertedConfig(config: LoraConfig): LoraConfig {
  const alphaFactor = config.use_rslora ? Math.SQRT2 : 2;
  return {
    ...config,
    init_lora_weights: true,
    r: 2 * config.r,
    lora_alpha: alphaFactor * config.lora_alpha,
    rank_pattern: times(config.rank_pattern, 2),
    alpha_pattern: times(config.alpha_pattern, alphaFactor),
  };
}

function times(pattern: Readonly<Record<string, number>>, factor: number): Record<string, number> {
  return Object.fromEntries(Object.entries(pattern).map(([key, value]) => [key, factor * value]));
}
