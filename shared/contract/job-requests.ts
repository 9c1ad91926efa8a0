import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { adapterRefField, nameField, versionRefField } from './fields.ts';
import { adapterVersion, budget, generalRequest } from './request-fields.ts';
import { evaluateSpecSchema } from './specs/evaluate.ts';
import { exportFormats, exportSpecSchema } from './specs/export.ts';
import { generateSpecSchema } from './specs/generate.ts';
import { mergeSpecSchema } from './specs/merge.ts';
import { promptField } from './specs/spec-fields.ts';
import { withPreset } from './specs/train-presets.ts';
import { sweepRequest, trainRequest, trainTasksRequest } from './train-requests.ts';

/**
 * What the platform is asked to run: the same settings as in a spec, with names of what it keeps in the place of folders.
 * They are pinned to exact versions when the job is made.
 */

const evaluate = evaluateSpecSchema.shape;
const evaluateRequest = z
  .strictObject({
    kind: z.literal('evaluate'),
    budget,
    base: nameField,
    adapter: adapterRefField.optional(),
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
    adapter: adapterRefField.optional(),
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
    adapter: adapterRefField.optional(),
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

/** A job that does one thing. */
export const singleRequestSchema = z.discriminatedUnion('kind', [
  trainRequest,
  evaluateRequest,
  generateRequest,
  composeRequest,
  mergeRequest,
  exportRequest,
]);
export type SingleRequest = z.output<typeof singleRequestSchema>;

const requests = z.discriminatedUnion('kind', [...singleRequestSchema.options, trainTasksRequest, sweepRequest]);

/**
 * A job that can be asked for. `import-base` is not among them: adding a base makes it. What a preset says stands in a request as if it had been
 * given.
 */
export const jobRequestSchema = z.preprocess((given: z.input<typeof requests>) => withPreset(given), requests);
export type JobRequest = z.output<typeof jobRequestSchema>;
