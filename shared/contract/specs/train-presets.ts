/** One setting of a preset. */
export interface PresetSetting {
  /** JSON path in the spec, and in the request of the same job. */
  readonly path: string;
  readonly value: string | number;
  readonly reason: string;
}

/** Settings of a LoRA run under one name. */
export interface TrainPreset {
  readonly name: PresetName;
  /** What it is for. */
  readonly summary: string;
  readonly settings: readonly PresetSetting[];
}

export const presetNames = ['quick', 'default', 'small-model', 'instruct', 'many-rows', 'memory'] as const;
export type PresetName = (typeof presetNames)[number];

const rank = (r: number, reason: string): PresetSetting => ({ path: 'method.config.r', value: r, reason });
const learningRate = (value: number, reason: string): PresetSetting => ({
  path: 'optimizer.learningRate',
  value,
  reason,
});
const rows = (value: number): PresetSetting => ({
  path: 'batch.rows',
  value,
  reason: 'below 32: larger steps cost LoRA more than full fine-tuning, whatever its rank [1]',
});
const epochs = (value: number, reason: string): PresetSetting => ({ path: 'epochs', value, reason });

/** What is the same in all of them. */
const common: readonly PresetSetting[] = [
  {
    path: 'method.config.target_modules',
    value: 'all-linear',
    reason: 'attention alone learns less with as many parameters; the MLP matters most [1]',
  },
  {
    path: 'method.config.lora_alpha',
    value: 32,
    reason: 'with alpha / r as the scale, one alpha lets one learning rate serve every rank [1]',
  },
];
const tenfold = learningRate(
  2e-4,
  'ten times the usual 2e-5 of full fine-tuning, where the best rate of LoRA lies [1, 2]',
);

/** Presets, and where each number is from; `presetSources` are what the figures in brackets stand for. */
export const trainPresets: readonly TrainPreset[] = [
  {
    name: 'quick',
    summary: 'Whether rows and settings work at all: a hundred steps.',
    settings: [
      ...common,
      rank(8, 'rank is capacity, and 800 rows have little to hold [1]'),
      learningRate(3e-4, 'fifteen times the 2e-5 of full fine-tuning: the best rate of runs of a hundred steps [1]'),
      rows(8),
      { path: 'steps', value: 100, reason: 'enough to see the loss fall' },
    ],
  },
  {
    name: 'default',
    summary: 'Some hundred to some ten thousand rows on a base of 1 to 8 billion parameters.',
    settings: [
      ...common,
      rank(16, 'rank is capacity: enough for such a dataset, and what TRL begins with [1, 4]'),
      tenfold,
      rows(16),
      epochs(3, 'the usual number, as in transformers'),
    ],
  },
  {
    name: 'small-model',
    summary: 'A base below 1 billion parameters, such as SmolLM2-135M and -360M.',
    settings: [
      ...common,
      rank(16, 'rank is capacity: a narrow model has few parameters in each [1]'),
      learningRate(
        1e-3,
        'small models learn at higher rates: the rate of the recipe of SmolLM2-135M and -360M [5], and between what the formula 5e-4 (2000 / hidden size)^0.781 gives for them, 1.3e-3 and 9e-4 [3]',
      ),
      rows(8),
      epochs(2, 'as in the recipe of SmolLM2-135M and -360M [5]'),
    ],
  },
  {
    name: 'instruct',
    summary: 'Conversations: some thousand to some ten thousand, read twice.',
    settings: [
      ...common,
      rank(32, 'rank is capacity: answers have more to say than labels; the rank that Tinker begins with [3]'),
      { path: 'method.config.lora_dropout', value: 0.05, reason: "as TRL's own script has it [4]" },
      tenfold,
      rows(16),
      epochs(2, 'enough rows that two passes do what three do for fewer'),
    ],
  },
  {
    name: 'many-rows',
    summary: 'More than 50,000 rows, read once.',
    settings: [
      ...common,
      rank(128, 'rank is capacity: parameters should not be fewer than the tokens that are trained on [1, 3]'),
      tenfold,
      rows(16),
      epochs(1, 'rows enough that none need be read again'),
    ],
  },
  {
    name: 'memory',
    summary: 'The least memory for the same learning, in more time.',
    settings: [
      ...common,
      rank(8, 'half the factors, gradients and moments of the usual 16'),
      tenfold,
      rows(8),
      { path: 'batch.microBatchTokens', value: 512, reason: 'activations grow with it, the result does not change' },
      {
        path: 'memory',
        value: 'lean',
        reason: 'layers are computed again instead of kept: a third of the memory for a third more time',
      },
      epochs(3, 'the usual number, as in transformers'),
    ],
  },
];

/** By the number that reasons give in brackets. */
export const presetSources: Readonly<Record<number, string>> = {
  1: 'Schulman et al., LoRA Without Regret, Thinking Machines Lab 2025, https://thinkingmachines.ai/blog/lora/',
  2: 'Hugging Face TRL, LoRA Without Regret, https://huggingface.co/docs/trl/main/en/lora_without_regret',
  3: 'Tinker, LoRA primer, https://tinker-docs.thinkingmachines.ai/lora-primer, and tinker_cookbook/hyperparam_utils.py',
  4: 'Hugging Face TRL, PEFT integration, and the defaults of `trl sft` (r 16, alpha 32, dropout 0.05), https://huggingface.co/docs/trl/main/en/peft_integration',
  5: 'Hugging Face alignment-handbook, recipes/smollm2/sft/config_smol.yaml',
};

/** Settings that exclude one another: one that is given takes the place of all. */
const exclusive: readonly (readonly string[])[] = [
  ['epochs', 'steps', 'tokens'],
  ['batch.rows', 'batch.tokens'],
];

/** The preset of a name; undefined where there is none. */
export const presetOf = (name: unknown, presets = trainPresets): TrainPreset | undefined =>
  presets.find((preset) => preset.name === name);

/**
 * A spec or request of a training run with the settings of the preset that it names, in the place of that name. What it says itself is left as it
 * is, and an adapter that is gone on from keeps its own config. Where the name is none, or the whole model is trained, the name stays: the schema refuses it.
 */
export function withPreset(given: unknown, presets = trainPresets): unknown {
  if (!isObject(given)) return given;
  const { preset: name, ...own } = given;
  const preset = presetOf(name, presets);
  if (!preset) return given;
  const kind = at(own, 'method.kind');
  if (kind === 'full' || (own['kind'] ?? 'train') !== 'train') return given;
  const settings = preset.settings.filter(
    ({ path }) =>
      alternatives(path).every((each) => at(own, each) === undefined) && (kind !== 'continue' || !isOfConfig(path)),
  );
  const start = own['method'] === undefined ? { ...own, method: { kind: 'lora' } } : own;
  return settings.reduce<Record<string, unknown>>((spec, { path, value }) => put(spec, path.split('.'), value), start);
}

/** A request without everything that a preset would say, so that the preset can say it. */
export function withoutPresetSettings(
  given: Readonly<Record<string, unknown>>,
  { settings }: TrainPreset,
): Record<string, unknown> {
  return settings
    .flatMap(({ path }) => alternatives(path))
    .reduce<Record<string, unknown>>((spec, path) => put(spec, path.split('.'), undefined), given);
}

const isOfConfig = (path: string): boolean => path.startsWith('method.config.');

const alternatives = (path: string): readonly string[] => exclusive.find((paths) => paths.includes(path)) ?? [path];

function at(given: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((here, key) => (isObject(here) ? here[key] : undefined), given);
}

/** `undefined` takes a key away. What stands in the way and is no object is left to the schema. */
function put(
  into: Readonly<Record<string, unknown>>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const { [key]: here, ...others } = into;
  if (rest.length === 0) return value === undefined ? others : { ...others, [key]: value };
  if (here !== undefined && !isObject(here)) return into;
  if (here === undefined && value === undefined) return into;
  return { ...others, [key]: put(here ?? {}, rest, value) };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
