import { z } from 'zod';
import { limits } from '../../limits.ts';
import { deviceField, pathField, promptField, samplingFields, seedField, threadsField } from './spec-fields.ts';

/** Continues prompts with a base, or a base with an adapter around it. */
export const generateSpecSchema = z.strictObject({
  kind: z.literal('generate'),
  base: pathField,
  adapter: pathField.optional().describe("Folder of a LoRA adapter in PEFT's layout."),
  prompts: z.array(promptField).min(1).max(limits.promptsMax),
  ...samplingFields,
  output: pathField.optional().describe('JSON file for the texts; absent: they are only returned.'),
  seed: seedField,
  threads: threadsField,
  device: deviceField,
});

export type GenerateSpec = z.output<typeof generateSpecSchema>;
