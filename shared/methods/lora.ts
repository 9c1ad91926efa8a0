import { z } from 'zod';
import { limits } from '../limits.ts';
import { patternValue } from './pattern-value.ts';

const moduleNames = z.array(z.string().min(1));
const rank = z.int().min(1).max(limits.loraRankMax);
/** An update scaled by zero would be no update; every other finite number has a meaning. */
const alpha = z
  .number()
  .refine((value) => value !== 0, { error: 'must not be zero: the adapter would have no effect' });

/**
 * A LoRA config in the spelling and with the defaults of PEFT's `LoraConfig` (peft 0.21, `tuners/lora/config.py`), but for
 * `target_modules`, which must be given: PEFT would choose by architecture. Further keys belong to `LoraConfig.extra`.
 */
export const loraConfigSchema = z.object({
  peft_type: z.literal('LORA').default('LORA'),
  task_type: z
    .enum(['SEQ_CLS', 'SEQ_2_SEQ_LM', 'CAUSAL_LM', 'TOKEN_CLS', 'QUESTION_ANS', 'FEATURE_EXTRACTION'])
    .nullable()
    .default(null),
  base_model_name_or_path: z.string().nullable().default(null),
  revision: z.string().nullable().default(null),
  inference_mode: z.boolean().default(false),
  r: rank.default(8).describe('Rank of the update; more can hold more and takes more memory.'),
  lora_alpha: alpha
    .default(8)
    .describe('The update is scaled by `lora_alpha / r`, or by `lora_alpha / sqrt(r)` with `use_rslora`.'),
  lora_dropout: z.number().min(0).lt(1).default(0).describe('Share of the inputs of A that is dropped in training.'),
  target_modules: z
    .union([moduleNames.min(1), z.string().min(1)])
    .describe('Ends of module names, one pattern for whole names, or `all-linear`.'),
  exclude_modules: z
    .union([moduleNames, z.string()])
    .nullable()
    .default(null)
    .describe('Modules that `target_modules` selects and that are left alone all the same.'),
  fan_in_fan_out: z.boolean().default(false),
  bias: z.enum(['none', 'all', 'lora_only']).default('none'),
  use_rslora: z
    .boolean()
    .default(false)
    .describe('Scales by the square root of the rank, which keeps large ranks stable.'),
  use_dora: z
    .boolean()
    .default(false)
    .describe('DoRA: the length of each row of the adapted weight is trained as well, apart from its direction.'),
  // PEFT also writes null for settings that have a default.
  rank_pattern: z
    .record(z.string(), rank)
    .nullish()
    .transform((value) => value ?? {}),
  alpha_pattern: z
    .record(z.string(), alpha)
    .nullish()
    .transform((value) => value ?? {}),
  modules_to_save: moduleNames
    .nullable()
    .default(null)
    .describe('Modules that are trained whole beside the factors, by the ends of their names, such as `lm_head`.'),
  init_lora_weights: z
    .union([z.boolean(), z.string()])
    .nullish()
    .transform((value) => value ?? true),
  layers_to_transform: z
    .union([z.array(z.int().min(0)), z.int().min(0)])
    .nullable()
    .default(null),
  layers_pattern: z.union([moduleNames, z.string()]).nullable().default(null),
});

/** A LoRA config with every default filled in. */
export type LoraConfig = z.output<typeof loraConfigSchema> & {
  /** Keys of an `adapter_config.json` that are not above, kept as they came; never written to an adapter of ours. */
  readonly extra?: Readonly<Record<string, unknown>>;
};

/** The rank of a module: `rank_pattern`'s where a key matches, else `r`. */
export function loraRank(config: Pick<LoraConfig, 'r' | 'rank_pattern'>, module: string): number {
  return patternValue(config.rank_pattern, module) ?? config.r;
}

/**
 * The factor s of the update s * B A of a module: lora_alpha / r, or lora_alpha / sqrt(r) with `use_rslora`
 * (Kalajdzievski 2023, arXiv 2312.03732), with the module's own rank and `alpha_pattern`'s value where a key matches.
 */
export function loraScaling(
  config: Pick<LoraConfig, 'r' | 'rank_pattern' | 'lora_alpha' | 'alpha_pattern' | 'use_rslora'>,
  module: string,
  r: number = loraRank(config, module),
): number {
  const alpha = patternValue(config.alpha_pattern, module) ?? config.lora_alpha;
  return alpha / (config.use_rslora ? Math.sqrt(r) : r);
}

/** Names of a module's tensors in `adapter_model.safetensors`: A is [r, in], B is [out, r], DoRA's magnitude [out]. */
export function loraTensorNames(module: string): {
  readonly A: string;
  readonly B: string;
  readonly magnitude: string;
} {
  const own = `${tensorPrefix}${module}`;
  return { A: `${own}.lora_A.weight`, B: `${own}.lora_B.weight`, magnitude: `${own}.lora_magnitude_vector` };
}

/** Names of the two tensors of an embedding: A is [r, tokens], B is [size, r], those of the transposed weight. */
export function loraEmbeddingNames(module: string): { readonly A: string; readonly B: string } {
  return { A: `${tensorPrefix}${module}.lora_embedding_A`, B: `${tensorPrefix}${module}.lora_embedding_B` };
}

/** Name of a fully trained tensor, given its name in the base. */
export const savedTensorName = (name: string): string => `${tensorPrefix}${name}`;

/** What a tensor of an adapter file is. `module` is the name of the module in the base model. */
export type LoraTensorRole =
  | { readonly kind: 'A' | 'B'; readonly module: string }
  | { readonly kind: 'dora-magnitude' | 'embedding' | 'lora-bias'; readonly module: string }
  /** A tensor without an adapter in its name: a fully trained copy of the base's. */
  | { readonly kind: 'full-copy'; readonly module: string }
  /** Named after the adapter inside it (`lora_A.default.weight`), as in memory but not as PEFT saves it. */
  | { readonly kind: 'named-adapter'; readonly module: string }
  /** Without the prefix that PEFT writes. */
  | { readonly kind: 'no-prefix' };

/** Tells the role of a tensor from its name. Source: peft `utils/save_and_load.py`. */
export function loraTensorRole(name: string): LoraTensorRole {
  if (!name.startsWith(tensorPrefix)) return { kind: 'no-prefix' };
  const match =
    /^(.+?)\.(lora_A\.weight|lora_B\.weight|lora_B\.bias|lora_embedding_[AB]|lora_magnitude_vector|lora_.+)$/.exec(
      name.slice(tensorPrefix.length),
    );
  const [, module = '', part = ''] = match ?? [];
  if (match === null) return { kind: 'full-copy', module: name.slice(tensorPrefix.length) };
  if (part === 'lora_A.weight') return { kind: 'A', module };
  if (part === 'lora_B.weight') return { kind: 'B', module };
  if (part === 'lora_B.bias') return { kind: 'lora-bias', module };
  if (part.startsWith('lora_embedding')) return { kind: 'embedding', module };
  if (part.startsWith('lora_magnitude_vector')) return { kind: 'dora-magnitude', module };
  return { kind: 'named-adapter', module };
}

/** Trainable numbers of an adapter: r * (in + out) for each module. */
export function loraParameterCount(
  modules: Iterable<{ readonly r: number; readonly inFeatures: number; readonly outFeatures: number }>,
): number {
  let count = 0;
  for (const { r, inFeatures, outFeatures } of modules) count += r * (inFeatures + outFeatures);
  return count;
}

const tensorPrefix = 'base_model.model.';
