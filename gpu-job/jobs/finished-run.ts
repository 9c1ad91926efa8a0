import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { FileReport, TrainReport } from '../../shared/contract/reports.ts';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { exists, readJsonFile } from '../folders/files.ts';
import { hashFile } from '../folders/hashes.ts';
import { runIdentity, runIdentitySchema, type RunIdentity } from '../training/run-identity.ts';

/** Name of the file beside a result that tells how it came to be. */
export const recipeFileName = 'training.json';

/** What `training.json` holds. */
export interface TrainingRecipe {
  /** Without the places of one machine: last names of files and folders only. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** SHA-256 of what was read, as in `RunIdentity`. */
  readonly content: RunIdentity['content'];
  /** Without the digests of the files, of which this is one. */
  readonly report: TrainReport;
}

/**
 * The run whose result stands in a folder, and its report; undefined where there is no such result. A job that was ended
 * between writing its result and saying so is told apart by it from one that would overwrite something.
 */
export async function readFinishedRun(
  output: string,
): Promise<{ readonly identity: RunIdentity; report(): Promise<TrainReport> } | undefined> {
  const path = join(output, recipeFileName);
  if (!(await exists(path))) return undefined;
  const parsed = recipeSchema.safeParse(await readJsonFile(path).catch(() => undefined));
  if (!parsed.success) return undefined;
  const { spec, content, report } = parsed.data;
  return {
    identity: runIdentity(spec, content),
    report: async () => ({ ...report, output, files: await hashFiles(output) }),
  };
}

/** Digests of all files of a folder, by name. */
export async function hashFiles(folder: string): Promise<Record<string, FileReport>> {
  const hashes: Record<string, FileReport> = {};
  for (const name of (await readdir(folder)).toSorted()) hashes[name] = await hashFile(join(folder, name));
  return hashes;
}

const recipeSchema = z.object({
  spec: trainSpecSchema,
  content: runIdentitySchema.shape.content,
  /** We wrote it; a file that merely looks like ours is told by its kind. */
  report: z.custom<TrainReport>((value) => z.object({ kind: z.literal('train') }).safeParse(value).success),
});
