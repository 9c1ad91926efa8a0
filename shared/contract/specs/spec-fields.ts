import { z } from 'zod';
import { limits } from '../../limits.ts';

/** A file or folder. In a spec file, relative paths start at the folder of that file. */
export const pathField = z.string().min(1);

/** Where rows come from. */
export const rowsField = pathField.describe(
  'Rows {"messages"}, {"prompt","completion"} or {"text"}: JSON lines, CSV (.csv, .tsv), Parquet (.parquet), or a folder of such files.',
);

/** Starts every random choice of a job; the same spec and seed give the same result. Below 2^32: the generator's key is 32 bits. */
export const seedField = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .default(0);

/** Threads of one operator; absent: all cores. Results can differ in the last bits between thread counts. */
export const threadsField = z.int().min(1).max(limits.threadsMax).optional();

/** What computes; absent: the processor, and in the GPU image the first GPU. */
export const deviceField = z
  .string()
  .regex(/^(cpu|cuda(:\d{1,2})?)$/, { error: 'is none of cpu, cuda and cuda:N, N being the number of a GPU' })
  .optional();

/** One turn of a conversation. Further keys are allowed: templates may read them. */
export const messageField = z.looseObject({ role: z.string().min(1), content: z.string() });

/** What a model is asked to continue: a plain text, or a conversation that the base's chat template turns into one. */
export const promptField = z.union([
  z.strictObject({ prompt: z.string().min(1) }),
  z.strictObject({ messages: z.array(messageField).min(1) }),
]);

export type Prompt = z.output<typeof promptField>;

/** How text is drawn from a model. */
export const samplingFields = {
  maxNewTokens: z
    .int()
    .min(1)
    .default(64)
    .describe('New tokens at most. 64: enough to judge an answer, seconds on a CPU.'),
  temperature: z
    .number()
    .min(0)
    .default(0)
    .describe('0: the likeliest token, always, so that two models can be compared. Above: logits are divided by it.'),
  topK: z.int().min(0).default(0).describe('Draw from the k likeliest tokens only; 0: from all.'),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe('Draw from the smallest set of likeliest tokens that holds this share of probability; 1: from all.'),
};

/** Rows of either text that an adapter is scored on at every scale. */
const scaleRowsField = z
  .int()
  .min(1)
  .max(limits.scaleRowsMax)
  .default(limits.scaleRowsMax)
  .describe('Rows of each of both texts, the first ones.');

/** Measures what an adapter has learnt and what it has forgotten, by how much of its update is applied: at scales from 0 to 1.5. */
export const generalField = z.strictObject({
  data: pathField.optional().describe('Rows of what the model should keep; absent: 32 short texts that are built in.'),
  rowsMax: scaleRowsField,
});
export type General = z.output<typeof generalField>;

/** How rows of a dataset that do not fit the model's context (or `contextTokens`) are treated. */
export const longRowsField = z.enum(['refuse', 'truncate', 'split']).default('refuse');
