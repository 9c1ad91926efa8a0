import { z } from 'zod';

/** What an import job is asked for: the files of a base that exists already, in the state `importing`, and where they come from. */
export const importRequestSchema = z.object({
  kind: z.literal('import-base'),
  base: z.string(),
  baseId: z.string(),
  source: z.discriminatedUnion('kind', [
    /** A folder or a GGUF file of this machine; whoever makes the job has made sure that it may be read. */
    z.object({ kind: z.literal('local'), path: z.string() }),
    /** The files that the base's record names; their hashes are claims. */
    z.object({ kind: z.literal('upload') }),
    /** `revision` as asked for; the commit that it is pinned to is written to the base's record. */
    z.object({ kind: z.literal('huggingface'), repository: z.string(), revision: z.string() }),
  ]),
});
export type ImportRequest = z.output<typeof importRequestSchema>;
export type ImportSource = ImportRequest['source'];
