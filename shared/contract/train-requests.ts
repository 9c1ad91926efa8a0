import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { nameField } from './fields.ts';
import { adapterVersion, budget, generalRequest } from './request-fields.ts';
import { toldConfigField } from './specs/continue-fields.ts';
import { mixField, mixWeightField } from './specs/mix-fields.ts';
import { overField, settingsSchema } from './specs/sweep.ts';
import { withPreset } from './specs/train-presets.ts';
import { evaluationField, presetField, presetIsUsed, trainFields } from './specs/train.ts';

const train = trainFields.shape;
const [loraField, fullField] = train.method.options;
const continueField = z.strictObject({
  kind: z.literal('continue'),
  ...adapterVersion,
  config: toldConfigField,
});
/** How long, of how many rows and how fast: what every training is asked with as its spec says it. */
const { epochs, steps, tokens, batch, optimizer, schedule } = train;
const stepFields = { epochs, steps, tokens, batch, optimizer, schedule };

/** A training run. */
export const trainRequest = z
  .strictObject({
    kind: z.literal('train'),
    budget,
    base: nameField,
    dataset: nameField,
    mix: mixField(z.strictObject({ dataset: nameField, weight: mixWeightField })).optional(),
    evalDataset: nameField.optional().describe('Held-out rows; excludes `evalFraction`.'),
    evalFraction: z
      .number()
      .gt(0)
      .max(0.5)
      .optional()
      .describe('Share of the rows that is held out, drawn by the seed.'),
    contextTokens: z.int().min(1).optional().describe("Longest row in tokens; default and at most the base's context."),
    longRows: z
      .enum(['refuse', 'truncate', 'split'])
      .default('refuse')
      .describe('What is done with rows that are longer.'),
    output: z
      .union([z.strictObject({ adapter: nameField }), z.strictObject({ base: nameField })])
      .describe('Where the result goes: LoRA makes a version of an adapter, full fine-tuning a new base.'),
    method: z
      .discriminatedUnion('kind', [loraField, fullField, continueField])
      .prefault({ kind: 'lora' })
      .describe('`continue`: from a version of an adapter of this base.'),
    ...stepFields,
    evaluation: evaluationField.extend({ general: generalRequest.optional() }).prefault({}),
    samples: train.samples,
    checkpoint: train.checkpoint,
    outputDtype: train.outputDtype,
    memory: train.memory,
    seed: train.seed,
    preset: presetField,
  })
  .refine(...presetIsUsed)
  .openapi('TrainRequest');

const { dataset, mix, evalDataset, evalFraction, contextTokens, longRows } = trainRequest.shape;
const evaluationOfTasks = evaluationField.pick({ everySteps: true, rowsMax: true });
const taskRequest = z.strictObject({
  output: z
    .strictObject({ adapter: nameField })
    .describe('The adapter of which it makes a version, and its name here.'),
  dataset,
  mix,
  evalDataset,
  evalFraction,
  contextTokens,
  longRows,
  method: loraField.optional(),
  epochs: train.epochs,
  steps: train.steps,
  tokens: train.tokens,
  optimizer: train.optimizer.unwrap().optional(),
  schedule: train.schedule.unwrap().optional(),
  evaluation: evaluationOfTasks.optional(),
  outputDtype: train.outputDtype,
  seed: train.seed.unwrap().optional(),
});

const sharedRequest = z.strictObject({
  base: nameField,
  method: loraField.prefault({ kind: 'lora' }),
  ...stepFields,
  evaluation: evaluationOfTasks.prefault({}),
  checkpoint: train.checkpoint,
  outputDtype: train.outputDtype,
  memory: train.memory,
  seed: train.seed,
  preset: presetField,
});

/** Several adapters that are trained at once on one base. */
export const trainTasksRequest = z
  .strictObject({
    kind: z.literal('train-tasks'),
    budget,
    train: z
      .preprocess((given: z.input<typeof sharedRequest>) => withPreset(given), sharedRequest)
      .describe('What all tasks share.'),
    tasks: z
      .array(taskRequest)
      .min(1)
      .max(limits.tasksMax)
      .describe('A version of an adapter each. What a task gives stands in the place of what is shared.'),
  })
  .superRefine(({ tasks }, context) => {
    const first = new Map<string, number>();
    for (const [i, { output }] of tasks.entries()) {
      const other = first.get(output.adapter);
      first.set(output.adapter, other ?? i);
      if (other === undefined) continue;
      const message = `is what task ${other + 1} makes already: each task makes an adapter of its own`;
      context.addIssue({ code: 'custom', path: ['tasks', i, 'output', 'adapter'], message, input: output.adapter });
    }
  })
  .openapi('TrainTasksRequest');

const { kind: _kind, budget: _budget, output: _output, ...sweptShape } = trainRequest.shape;
const sweptRequest = z.strictObject({ ...sweptShape, method: loraField.prefault({ kind: 'lora' }) });

/** A training with several settings, and the best of them. */
export const sweepRequest = z
  .strictObject({
    kind: z.literal('sweep'),
    budget: budget.describe(
      'What ranking and all trials may take together at most; each trial has an equal part. Absent: each what a job of its own may.',
    ),
    train: z
      .preprocess((given: z.input<typeof sweptRequest>) => withPreset(given), sweptRequest)
      .describe('What all trials share; held-out rows are needed, to rank by.'),
    over: overField.optional().describe('Values of each setting: every combination is a trial; excludes `runs`.'),
    runs: z.array(settingsSchema).min(1).optional().describe('Settings of each trial; excludes `over`.'),
    publish: z
      .enum(['best', 'each'])
      .default('best')
      .describe('What becomes a version: the best trial, or each that was trained, the best as the latest.'),
    output: z.strictObject({ adapter: nameField }),
  })
  .openapi('SweepRequest');
