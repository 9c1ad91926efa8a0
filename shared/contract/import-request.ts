import { z } from 'zod';

/** Where the files of a base are fetched from: looked at, allowed and pinned before the job was made. */
export const importSourceSchema = z.discriminatedUnion('kind', [
  /** An absolute path without links in it: a model folder or one GGUF file. */
  z.strictObject({ kind: z.literal('local'), path: z.string() }),
  /** They are the files of the base's own record. */
  z.strictObject({ kind: z.literal('upload') }),
  z.strictObject({ kind: z.literal('huggingface'), repository: z.string(), revision: z.string() }),
]);
export type ImportSource = z.output<typeof importSourceSchema>;

/** What an `import-base` job is to do. No caller asks for it: adding a base does. */
export const importRequestSchema = z.strictObject({
  kind: z.literal('import-base'),
  base: z.string(),
  baseId: z.string(),
  source: importSourceSchema,
});
export type ImportRequest = z.output<typeof importRequestSchema>;
