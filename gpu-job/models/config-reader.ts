import { refuseErrors, type Finding } from '../../shared/errors.ts';
import type { ConfigEntry } from './entry-reader.ts';

/**
 * Keys of a `config.json` that do not change what the model computes: identity, generation defaults, training-time settings.
 * Everything else must be read by the architecture or is refused by name, because an unknown key may change the mathematics.
 */
const ignoredKeys = new Set([
  '_name_or_path', '_commit_hash', '_attn_implementation', '_attn_implementation_autoset', 'architectures', 'attention_dropout',
  'attn_implementation', 'auto_map', 'bad_words_ids', 'begin_suppress_tokens', 'bos_token_id', 'chunk_size_feed_forward',
  'cross_attention_hidden_size', 'decoder_start_token_id', 'diversity_penalty', 'do_sample', 'dtype', 'early_stopping',
  'encoder_no_repeat_ngram_size', 'eos_token_id', 'exponential_decay_length_penalty', 'finetuning_task', 'forced_bos_token_id',
  'forced_eos_token_id', 'gradient_checkpointing', 'hidden_dropout', 'id2label', 'is_decoder', 'is_encoder_decoder', 'is_llama_config',
  'label2id', 'length_penalty', 'max_length', 'min_length', 'model_type', 'no_repeat_ngram_size', 'num_beam_groups', 'num_beams',
  'num_return_sequences', 'output_attentions', 'output_hidden_states', 'output_scores', 'pad_token_id', 'prefix',
  'pretraining_tp', 'problem_type', 'remove_invalid_values', 'repetition_penalty', 'return_dict', 'return_dict_in_generate', 'sep_token_id', 'suppress_tokens', 'task_specific_params', 'temperature', 'tf_legacy_loss', 'tie_encoder_decoder', 'tokenizer_class', 'unk_token_id',
  'top_k', 'top_p', 'torch_dtype', 'torchscript', 'transformers.js_config', 'transformers_version', 'typical_p', 'unsloth_fixed',
  'unsloth_version', 'use_bfloat16', 'use_cache',
]); // prettier-ignore

/** Reads a config key by key and keeps every finding, so that all that is wrong is said at once. */
export class ConfigReader {
  private readonly config: Readonly<Record<string, unknown>>;
  private readonly where: string;
  private readonly read = new Set<string>();
  private readonly findings: Finding[] = [];

  constructor(config: Readonly<Record<string, unknown>>, where = 'config.json') {
    this.config = config;
    this.where = where;
  }

  positiveInteger(key: string, fallback?: number): number {
    const value = this.value(key, fallback);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    return this.wrong(key, value, 'a positive integer', fallback ?? 1);
  }

  positiveNumber(key: string, fallback?: number): number {
    const value = this.value(key, fallback);
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    return this.wrong(key, value, 'a positive number', fallback ?? 1);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.value(key, fallback);
    return typeof value === 'boolean' ? value : this.wrong(key, value, 'true or false', fallback);
  }

  /** One of a few words; any other is refused with the list of those that are known. */
  word(key: string, known: readonly string[], fallback: string): string {
    const value = this.value(key, fallback);
    if (typeof value === 'string' && known.includes(value)) return value;
    return this.wrong(key, value, `one of ${known.join(', ')}`, fallback);
  }

  /** The raw value, for entries with a shape of their own. Null and absent are the same. */
  value(key: string, fallback?: unknown): unknown {
    this.read.add(key);
    return this.config[key] ?? fallback;
  }

  /** An object inside the config, where there is one. */
  entry(key: string): ConfigEntry | undefined {
    return this.entryIn(key, this.value(key));
  }

  /** The same for a value that was read already, under the name `key` for findings. */
  entryIn(key: string, value: unknown): ConfigEntry | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'object' && !Array.isArray(value)) return value as ConfigEntry; // checked to be a plain object
    this.refuse(key, `${JSON.stringify(value)} is not an object.`);
    return undefined;
  }

  has(key: string): boolean {
    return this.config[key] !== undefined && this.config[key] !== null;
  }

  refuse(key: string, message: string): void {
    this.findings.push({ severity: 'error', code: 'config-unsupported', message, where: `${this.where}: ${key}` });
  }

  /** Throws `DomainError('config-unsupported')` with everything found, unknown keys included. */
  finish(architecture: string): void {
    for (const key of Object.keys(this.config)) {
      if (this.read.has(key) || ignoredKeys.has(key) || !this.has(key)) continue;
      this.refuse(
        key,
        `This key is not known for ${architecture} and may change what the model computes, so it is not guessed at.`,
      );
    }
    refuseErrors('config-unsupported', `The model's ${this.where} cannot be used:`, this.findings);
  }

  private wrong<T>(key: string, value: unknown, expected: string, stand: T): T {
    this.refuse(
      key,
      value === undefined ? `It is missing; expected ${expected}.` : `${JSON.stringify(value)} is not ${expected}.`,
    );
    return stand;
  }
}
