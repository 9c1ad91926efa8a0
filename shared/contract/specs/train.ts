import { z } from 'zod';
import { computeTypes } from '../../methods/compute.ts';
import { limits } from '../../limits.ts';
import { loraConfigSchema } from '../../methods/lora.ts';
import { unscalable } from '../../methods/unscalable.ts';
import { presetNames, presetOf, withPreset } from './train-presets.ts';
import { keepMomentsField, toldConfigField } from './continue-fields.ts';
import { mixField, mixWeightField } from './mix-fields.ts';
import { deterministicField, stateField, workersField } from './place-fields.ts';
import {
  deviceField,
  generalField,
  longRowsField,
  pathField,
  promptField,
  rowsField,
  samplingFields,
  seedField,
  threadsField,
} from './spec-fields.ts';

const count = z.int().min(1);

/** LoRA in PEFT's spelling and with PEFT's defaults, but for `target_modules`: every linear module, where LoRA learns most for its size. */
const loraField = z.strictObject({
  kind: z.literal('lora'),
  config: z
    .strictObject({
      ...loraConfigSchema.pick({
        peft_type: true,
        base_model_name_or_path: true,
        revision: true,
        r: true,
        lora_alpha: true,
        lora_dropout: true,
        exclude_modules: true,
        use_rslora: true,
        use_dora: true,
        modules_to_save: true,
        rank_pattern: true,
        alpha_pattern: true,
        layers_to_transform: true,
        layers_pattern: true,
      }).shape,
      task_type: z.literal('CAUSAL_LM').default('CAUSAL_LM'),
      target_modules: loraConfigSchema.shape.target_modules.default('all-linear'),
      init_lora_weights: z
        .union([
          z.literal(true),
          z.enum(['gaussian', 'olora', 'pissa']),
          z.string().regex(/^pissa_niter_[1-9][0-9]?$/, {
            error: 'is none of gaussian, olora, pissa and pissa_niter_N (N up to 99)',
          }),
        ])
        .default(true)
        .describe(
          'What A and B begin with. `true`: A uniform, B zero. `gaussian`: A normal. `pissa`, `pissa_niter_N` (N iterations, faster), `olora`: the largest part of the base weight, which is trained; the result is written with twice the rank, for the base as it is.',
        ),
    })
    .prefault({}),
});

/** Every tensor of the base is trained. `random` starts from fresh weights in the shape of the base's `config.json` and reads none. */
const fullField = z.strictObject({
  kind: z.literal('full'),
  initial: z.enum(['base', 'random']).default('base'),
});

/** LoRA that goes on from what was trained before, with new moments of the optimizer unless a checkpoint's are kept. */
const continueField = z.strictObject({
  kind: z.literal('continue'),
  from: pathField.describe(
    'Folder of an adapter, of a composition, or of a checkpoint of another run (`<output>.run`: its newest).',
  ),
  keepMoments: keepMomentsField,
  config: toldConfigField,
});

const batchField = z
  .strictObject({
    rows: count
      .optional()
      .describe(
        'Dataset rows of one optimizer step; excludes `tokens`. 16 when neither is given: LoRA loses more than full fine-tuning above 32.',
      ),
    tokens: count
      .optional()
      .describe('Tokens of one optimizer step: rows are taken until the next would exceed it; excludes `rows`.'),
    microBatchTokens: count
      .default(1024)
      .describe(
        'Tokens, padding included, that go through the model at once. Memory grows with it; the result does not change, because gradients of one step are summed and weighted by labels. 1,024: four gigabytes at 135 million parameters.',
      ),
    packing: z
      .boolean()
      .default(true)
      .describe('Whether several rows share one sequence, each seeing only itself. Less padding, the same result.'),
    packTokens: count
      .default(128)
      .describe(
        'Length up to which rows are packed; a longer row stands alone. 128: attention costs the square of it, and short rows gain nothing beyond.',
      ),
  })
  .refine(({ rows, tokens }) => rows === undefined || tokens === undefined, {
    error: 'excludes rows: give the size of a step in rows or in tokens, not both',
    path: ['tokens'],
  })
  .prefault({});

const optimizerField = z
  .strictObject({
    kind: z.literal('adamw').default('adamw'),
    learningRate: z
      .number()
      .gt(0)
      .optional()
      .describe(
        "Default 2e-4 for LoRA and 2e-5 for full fine-tuning, 3e-4 from random weights: LoRA's best rate is about ten times that of full fine-tuning.",
      ),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999).describe("PyTorch's and transformers' default."),
    epsilon: z.number().gt(0).default(1e-8),
    weightDecay: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Decoupled. 0: for short fine-tuning it does nothing good. Vectors (norms, biases) are never decayed.'),
    loraPlusRatio: z
      .number()
      .gt(0)
      .optional()
      .describe(
        "LoRA+: B is trained at so many times the learning rate, which is A's; 16 is what its paper suggests. Absent: both at one rate.",
      ),
    loraPlusEmbeddingRate: z
      .number()
      .gt(0)
      .optional()
      .describe('Rate of the factors of embeddings with `loraPlusRatio`; default 1e-6, as in PEFT.'),
    clipNorm: z
      .number()
      .min(0)
      .default(1)
      .describe('Largest global norm of the gradients; 0: no clipping. 1 is what most published recipes use.'),
    spikeFactor: z
      .number()
      .gt(1)
      .optional()
      .describe(
        'A step whose gradient is longer than so many times the median of the last 32 is left out, and so is one that is no number; ten in a row end the run. Absent: none is.',
      ),
  })
  .prefault({});

const scheduleField = z
  .strictObject({
    kind: z
      .enum(['constant', 'linear', 'cosine'])
      .default('cosine')
      .describe(
        'Course of the learning rate after the warm-up: down to zero along a half cosine or a line, or unchanged.',
      ),
    warmupSteps: z.int().min(0).optional().describe('Steps of linear warm-up; excludes `warmupRatio`.'),
    warmupRatio: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('Warm-up as a share of all steps, rounded up; 0.03 when neither is given.'),
  })
  .refine(({ warmupSteps, warmupRatio }) => warmupSteps === undefined || warmupRatio === undefined, {
    error: 'excludes warmupSteps: give the warm-up in steps or as a ratio, not both',
    path: ['warmupRatio'],
  })
  .prefault({});

const dataField = z
  .strictObject({
    train: rowsField,
    mix: mixField(z.strictObject({ rows: rowsField, weight: mixWeightField })).optional(),
    eval: pathField.optional().describe('Held-out rows, in any of the three forms; excludes `evalFraction`.'),
    evalFraction: z
      .number()
      .gt(0)
      .max(0.5)
      .optional()
      .describe('Share of the training rows that is held out, drawn by the seed; excludes `eval`.'),
    contextTokens: count.optional().describe("Longest row in tokens; default and at most the base's context."),
    longRows: longRowsField,
  })
  .refine((data) => data.eval === undefined || data.evalFraction === undefined, {
    error: 'excludes eval: hold out a file or a share of the rows, not both',
    path: ['evalFraction'],
  });

/** When a run is looked at, and which weights it keeps. */
export const evaluationField = z.strictObject({
  everySteps: count
    .optional()
    .describe('Steps between evaluations; default a tenth of the run. The start and the end are always evaluated.'),
  rowsMax: count.optional().describe('Held-out rows used, the first ones; absent: all.'),
  patience: count
    .optional()
    .describe('Evaluations without a lower held-out loss after which the run ends; absent: it runs to its end.'),
  keep: z
    .enum(['last', 'best'])
    .optional()
    .describe(
      'Which weights are written: those after the last step, or those with the lowest held-out loss. Default `best` with `patience`, else `last`.',
    ),
  general: generalField
    .optional()
    .describe(
      'Scores the written adapter at seven scales on held-out rows and on a general text; absent: it does not.',
    ),
});

/** Settings under one name. Once it has been looked up the settings stand in its place. */
export const presetField = z
  .enum(presetNames)
  .optional()
  .describe(
    'Takes every setting that is not given from those of this name; `lorary presets` lists them with their reasons. What is recorded are the settings.',
  );

/** What a name that is left over means, as arguments of `refine`. */
export const presetIsUsed: Parameters<z.ZodObject['refine']> = [
  ({ preset }) => presetOf(preset) === undefined,
  {
    error: 'is for LoRA: with full fine-tuning give the settings themselves',
    path: ['preset'],
    when: ({ value }) => typeof value === 'object' && value !== null,
  },
];

/** Keys of a training run, each by itself. */
export const trainFields = z.strictObject({
  kind: z.literal('train'),
  base: pathField.describe(
    'Folder of the base model in Hugging Face layout. With `initial: "random"` only its config and tokenizer files are read.',
  ),
  output: pathField.describe(
    'Folder of the result; it must not exist. Work in progress stands in `<output>.run` beside it.',
  ),
  data: dataField,
  method: z.discriminatedUnion('kind', [loraField, fullField, continueField]),
  maxSeconds: z
    .number()
    .gt(0)
    .max(limits.jobSecondsMax)
    .optional()
    .describe(
      'Time of all sittings together, from the first step on, after which the run ends with what it has learnt; what was done since the last checkpoint of a sitting that was killed is not counted. Absent: it runs to its end.',
    ),
  maxDollars: z
    .number()
    .gt(0)
    .max(1e9)
    .optional()
    .describe('The same in dollars, at `dollarsPerHour`; with both, whichever is less.'),
  dollarsPerHour: z
    .number()
    .gt(0)
    .max(10_000)
    .optional()
    .describe('What an hour of this machine costs: needed for `maxDollars`, and for nothing else.'),
  epochs: z
    .number()
    .gt(0)
    .optional()
    .describe(
      'Passes over the rows, fractions allowed; excludes `steps` and `tokens`. 3 when none is given, as in transformers.',
    ),
  steps: count.optional().describe('Optimizer steps; excludes `epochs` and `tokens`.'),
  tokens: count
    .optional()
    .describe(
      'Tokens to train on, padding not counted: the run ends with the step that reaches it; excludes `epochs` and `steps`.',
    ),
  batch: batchField,
  optimizer: optimizerField,
  schedule: scheduleField,
  evaluation: evaluationField.prefault({}),
  samples: z
    .strictObject({
      prompts: z.array(promptField).max(limits.samplePromptsMax).default([]),
      everySteps: count.optional().describe('Steps between generations; default as often as evaluations.'),
      ...samplingFields,
    })
    .prefault({}),
  checkpoint: z
    .strictObject({
      everySeconds: z
        .number()
        .gt(0)
        .default(300)
        .describe('A crash loses at most this much work. 300: writing one takes well under a second for an adapter.'),
      keep: z
        .int()
        .min(1)
        .max(limits.checkpointsKeptMax)
        .default(2)
        .describe('Checkpoints kept. 2: the one before the last is there if a disk lies.'),
    })
    .prefault({}),
  keep: z
    .strictObject({
      last: z
        .int()
        .min(0)
        .max(limits.checkpointsKeptMax)
        .default(1)
        .describe('Of the looks at the run, so many of the last; the end is one of them.'),
      best: z.boolean().default(false).describe('That of the look with the lowest held-out loss, too.'),
    })
    .refine(({ last, best }) => last > 0 || best, { error: 'keeps nothing: 1 or more, or best', path: ['last'] })
    .optional()
    .describe(
      'Checkpoints that stay when the run is done, in `<output>.checkpoints`, for other runs to go on from: one is written at every look (`evaluation.everySteps`). Absent: none.',
    ),
  outputDtype: z
    .enum(['f32', 'bf16', 'f16'])
    .optional()
    .describe("Element type of the written tensors; default f32 for an adapter, the base's own for full fine-tuning."),
  memory: z
    .enum(['auto', 'fast', 'middle', 'lean'])
    .optional()
    .describe(
      'What a step keeps. `auto` (default): the fastest of what fits the memory there is; the run says which, and keeps to it when it goes on. `fast`: all that the backward pass needs, and frozen weights once more in the order in which they are multiplied. `middle`: no layer is computed again, attention and logits come in parts and weights are read from their file. `lean`: layers are computed again, attention and logits come in parts and weights are read from their file, for a third of the memory and a third more time.',
    ),
  memoryMaxBytes: count
    .optional()
    .describe(
      'What `auto` may plan with; default the limit of the container, else the free memory of the machine or GPU. With `state` `device` the most that the arena of a GPU grows to, too.',
    ),
  seed: seedField,
  threads: threadsField,
  device: deviceField.describe('`cpu`, `cuda` (the first GPU) or `cuda:N`; absent: the processor.'),
  compute: z
    .enum(['auto', ...computeTypes])
    .optional()
    .describe(
      'Type in which products take their operands and give their results; sums, norms, softmax, losses, the trained weights and the optimizer are float32 always. `auto` (default): float32 on the processor, bfloat16 on a GPU from compute capability 8.0 on, else float16, whose loss is scaled. A run keeps to what it began with. The processor rounds as a GPU would and is no faster for it.',
    ),
  state: stateField,
  deterministic: deterministicField,
  workers: workersField,
  preset: presetField,
});

/** One training run: what is trained, on what, how, and where the result goes. What a preset says stands in it as if it had been given. */
export const trainSpecSchema = z.preprocess(
  (given: z.input<typeof trainFields>) => withPreset(given),
  trainFields
    .refine(({ epochs, steps, tokens }) => [epochs, steps, tokens].filter((given) => given !== undefined).length <= 1, {
      error: 'only one of epochs, steps and tokens may be given',
      path: ['epochs'],
      when: ({ value }) => typeof value === 'object' && value !== null,
    })
    .refine(({ maxDollars, dollarsPerHour }) => maxDollars === undefined || dollarsPerHour !== undefined, {
      error: 'needs what an hour of this machine costs',
      path: ['dollarsPerHour'],
      when: ({ value }) => typeof value === 'object' && value !== null,
    })
    .refine(({ method, evaluation }) => evaluation?.general === undefined || hasScale(method), {
      error:
        'needs an adapter that is an update of low rank and nothing else: with DoRA, modules_to_save or full fine-tuning there is no share of it',
      path: ['evaluation', 'general'],
      when: ({ value }) => typeof value === 'object' && value !== null,
    })
    .refine(({ state, workers = 1 }) => state !== 'device' || workers === 1, {
      error: 'device is for one worker: the gradients of several meet on the host',
      path: ['state'],
      when: ({ value }) => typeof value === 'object' && value !== null,
    })
    .refine(({ deterministic = false, state }) => !deterministic || state === 'device', {
      error: 'needs state: device, by which the runtime can be told so',
      path: ['deterministic'],
      when: ({ value }) => typeof value === 'object' && value !== null,
    })
    .refine(...presetIsUsed),
);

/** Whether a share of what is trained can be applied. What is no method is told by its own field. */
function hasScale(
  method: { readonly kind?: unknown; readonly config?: Parameters<typeof unscalable>[0] } | undefined,
): boolean {
  if (method?.kind === 'full') return false;
  return method?.config === undefined || unscalable(method.config) === undefined;
}

export type TrainSpec = z.output<typeof trainSpecSchema>;

/** A run that says itself what LoRA acts on, or trains the whole model. */
export type SettledTrainSpec = Omit<TrainSpec, 'method'> & {
  readonly method: Exclude<TrainSpec['method'], { readonly kind: 'continue' }>;
};
/** The settings of LoRA in such a spec. */
export const trainLoraConfigSchema = loraField.shape.config;
