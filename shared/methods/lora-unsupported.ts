import type { Finding } from '../errors.ts';
import type { LoraConfig } from './lora.ts';

/**
 * What a LoRA config asks for that training, composing and merging here do not do; empty for plain LoRA.
 * Such an adapter would give other answers than in PEFT, so it is refused by name rather than used in part.
 */
export function loraUnsupported(config: LoraConfig): Finding[] {
  const findings: Finding[] = [];
  const cannot = (where: string, what: string): void =>
    void findings.push({
      severity: 'error',
      code: 'lora-unsupported',
      message: `${what} cannot be used here yet`,
      where,
    });
  if (config.bias !== 'none') cannot('bias', `trained biases (bias: "${config.bias}")`);
  if (config.fan_in_fan_out) cannot('fan_in_fan_out', 'transposed layers (Conv1D, fan_in_fan_out)');
  const { init_lora_weights: init } = config;
  if (typeof init === 'string' && !harmlessInits.has(init))
    cannot(
      'init_lora_weights',
      `the initialisation "${init}": it changes the base weights or is unknown, so A and B do not fit the plain base (what is trained here is saved converted; PEFT can do that too),`,
    );
  for (const [key, what] of Object.entries(foreignFeatures)) if (isSet(config.extra?.[key])) cannot(key, what);
  return findings;
}

/**
 * What an adapter does beside adding scaling * B A, though it can be trained, evaluated and merged here: it can be neither composed nor written as factors
 * for an engine that knows no more than A and B. Empty for plain LoRA.
 */
export function beyondFactors(config: Pick<LoraConfig, 'use_dora' | 'modules_to_save'>): Finding[] {
  const findings: Finding[] = [];
  const more = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'beyond-factors', message, where });
  if (config.use_dora)
    more(
      'use_dora',
      'DoRA also rescales the rows of the weights, which A and B cannot say: merge it into its base instead',
    );
  if (config.modules_to_save && config.modules_to_save.length > 0)
    more(
      'modules_to_save',
      `fully trained modules (${config.modules_to_save.join(', ')}) are no updates, so A and B cannot say them: merge it into its base instead`,
    );
  return findings;
}

/** Initialisations after which `W + s * B A` on the untouched base is the adapted model. */
const harmlessInits: ReadonlySet<string> = new Set(['gaussian', 'eva', 'orthogonal', 'mica']);

/** Keys of newer PEFT versions that change what the adapter computes. */
const foreignFeatures: Readonly<Record<string, string>> = {
  lora_bias: 'a bias on B (lora_bias)',
  target_parameters: 'LoRA on bare parameters (target_parameters)',
  trainable_token_indices: 'trained token embeddings (trainable_token_indices)',
  layer_replication: 'replicated layers (layer_replication)',
  alora_invocation_tokens: 'activated LoRA (alora_invocation_tokens)',
  use_qalora: 'QALoRA (use_qalora)',
  use_bdlora: 'block-diagonal LoRA (use_bdlora)',
  arrow_config: 'Arrow routing (arrow_config)',
  kasa_config: 'KaSA (kasa_config)',
  velora_config: 'VeLoRA (velora_config)',
  monteclora_config: 'MonteCLoRA (monteclora_config)',
  megatron_config: 'Megatron layers (megatron_config)',
  enable_lora: 'LoRA on parts of a fused layer (enable_lora)',
};

/** Settings that change the sizes or the number of an adapter's tensors, so that the rules of plain LoRA cannot be held against them. */
export function reshapingSettings({ extra = {} }: LoraConfig): string[] {
  const keys = ['layer_replication', 'use_qalora', 'use_bdlora', 'arrow_config', 'kasa_config', 'velora_config'];
  return [...keys, 'monteclora_config', 'megatron_config', 'enable_lora'].filter((key) => isSet(extra[key]));
}

/** Whether a key of a config says anything: PEFT writes null, false or an empty list for what is not used. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0);
}
