import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { nameField, versionRefField } from './fields.ts';
import { toldConfigField } from './specs/continue-fields.ts';
import { evaluateSpecSchema } from './specs/evaluate.ts';
import { exportFormats, exportSpecSchema } from './specs/export.ts';
import { generateSpecSchema } from './specs/generate.ts';
import { mixField, mixWeightField } from './specs/mix-fields.ts';
import { mergeSpecSchema } from './specs/merge.ts';
import { generalField, promptField } from './specs/spec-fields.ts';
import { evaluationField, trainSpecSchema } from './specs/train.ts';

/**
 * What the platform is asked to run: the same settings as in a spec, with names of what it keeps in the place of folders.
 * They are pinned to exact versions when the job is made.
 */

const adapterVersion = {
  adapter: nameField,
  version: versionRefField.default('latest').describe('Absent: `latest`.'),
};

/** As `evaluation.general` and `general` of a spec. */
const generalRequest = z.strictObject({
  dataset: nameField.optional().describe('Rows of what the model should keep; absent: short texts that are built in.'),
  rowsMax: generalField.shape.rowsMax,
});

const budget = z
  .strictObject({
    maxSeconds: z
      .number()
      .gt(0)
      .max(limits.jobSecondsMax)
      .optional()
      .describe('Machine time, all attempts together, after which it saves its work and ends.'),
    maxDollars: z.number().gt(0).max(1e6).optional().describe('The same in dollars, at the price of its machine.'),
  })
  .optional()
  .describe(
    'What it may take at most; with both, whichever is less. Absent: four times the estimate and ten minutes, an hour at least; where machines cost nothing, as long as any job may.',
  );

const train = trainSpecSchema.shape;
const [loraField, fullField] = train.method.options;
const continueField = z.strictObject({
  kind: z.literal('continue'),
  ...adapterVersion,
  config: toldConfigField,
});
const trainRequest = z
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
    epochs: train.epochs,
    steps: train.steps,
    tokens: train.tokens,
    batch: train.batch,
    optimizer: train.optimizer,
    schedule: train.schedule,
    evaluation: evaluationField.extend({ general: generalRequest.optional() }).prefault({}),
    samples: train.samples,
    checkpoint: train.checkpoint,
    outputDtype: train.outputDtype,
    memory: train.memory,
    seed: train.seed,
  })
  .openapi('TrainRequest');

const evaluate = evaluateSpecSchema.shape;
const evaluateRequest = z
  .strictObject({
    kind: z.literal('evaluate'),
    budget,
    base: nameField,
    adapter: nameField.optional(),
    version: versionRefField.default('latest'),
    dataset: nameField,
    rowsMax: evaluate.rowsMax,
    contextTokens: evaluate.contextTokens,
    longRows: evaluate.longRows,
    bootstrapSamples: evaluate.bootstrapSamples,
    general: generalRequest.optional(),
    seed: evaluate.seed,
  })
  .openapi('EvaluateRequest');

const generate = generateSpecSchema.shape;
const generateRequest = z
  .strictObject({
    kind: z.literal('generate'),
    budget,
    base: nameField.optional().describe('Absent: the base of the adapter.'),
    adapter: nameField.optional(),
    version: versionRefField.default('latest'),
    prompts: z.array(promptField).min(1).max(limits.jobPromptsMax),
    maxNewTokens: generate.maxNewTokens,
    temperature: generate.temperature,
    topK: generate.topK,
    topP: generate.topP,
    seed: generate.seed,
  })
  .openapi('GenerateRequest');

const composeRequest = z
  .strictObject({
    kind: z.literal('compose'),
    budget,
    composition: nameField,
    output: z.strictObject({ adapter: nameField }),
  })
  .openapi('ComposeRequest');

const merge = mergeSpecSchema.shape;
const mergeRequest = z
  .strictObject({
    kind: z.literal('merge'),
    budget,
    ...adapterVersion,
    dtype: merge.dtype,
    maxShardBytes: merge.maxShardBytes,
    output: z.strictObject({ base: nameField }).describe('The merged model becomes a base of this name.'),
  })
  .openapi('MergeRequest');

const exported = exportSpecSchema.shape;
const exportRequest = z
  .strictObject({
    kind: z.literal('export'),
    budget,
    format: z
      .enum(exportFormats)
      .describe('With an adapter: `peft`, `gguf`, `flattened`; `merged-gguf` with an adapter or a base.'),
    adapter: nameField.optional(),
    version: versionRefField.default('latest'),
    base: nameField.optional(),
    dtype: z
      .enum(['f32', 'f16', 'bf16', 'q8_0'])
      .optional()
      .describe('Element type of what is written; the format says which it can be.'),
    fillLayers: exported.fillLayers,
    baseModelName: exported.baseModelName,
  })
  .openapi('ExportRequest');

/** A job that can be asked for. `import-base` is not among them: adding a base makes it. */
export const jobRequestSchema = z.discriminatedUnion('kind', [
  trainRequest,
  evaluateRequest,
  generateRequest,
  composeRequest,
  mergeRequest,
  exportRequest,
]);
export type JobRequest = z.output<typeof jobRequestSchema>;
