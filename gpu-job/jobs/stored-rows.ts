import { createHash } from 'node:crypto';
import { stat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { UnavailableError, type Finding } from '../../shared/errors.ts';
import type { RowFiles } from '../../shared/files/row-files.ts';
import type { DatasetOptions } from '../../shared/text/dataset.ts';
import { hashFile } from '../folders/hashes.ts';
import { openTokenStore, writeTokenStore, type TokenStore } from '../training/token-store.ts';
import { openRows, type BaseText } from './base-text.ts';
import type { JobContext } from './job-context.ts';

/** Rows of a dataset as tokens on disk, and what was found in it. */
export interface StoredRows {
  readonly rows: TokenStore;
  /** Name of the store in its folder. */
  readonly name: string;
  readonly findings: readonly Finding[];
}

/** A dataset as a base sees it. */
export interface RowsWanted extends Pick<DatasetOptions, 'contextMax' | 'longRows'> {
  readonly path: string;
  readonly text: BaseText;
}

/**
 * The rows of a dataset as they stand in `folder`: those of an earlier sitting, where bytes, tokenizer, template and options are the same,
 * else read now. Throws `UnavailableError` when the job was asked to stop meanwhile. The caller closes `rows`.
 */
export async function storedRows(folder: string, wanted: RowsWanted, context: JobContext): Promise<StoredRows> {
  const { text, contextMax, longRows = 'refuse' } = wanted;
  const files = await openRows(wanted.path);
  const key = JSON.stringify([await hashRowFiles(files), text.sha256, contextMax, longRows]);
  const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
  const place = join(folder, name);
  const kept = await openStored(place);
  if (kept) return { ...kept, name };
  await writeRows(place, files, wanted, context);
  const written = await openStored(place);
  if (!written) throw new UnavailableError(`${place} does not hold what was just written: the disk may be failing.`);
  return { ...written, name };
}

/**
 * The same rows in a temporary folder, which is gone when they are closed. Where open files can be deleted it is gone before, so that a
 * process that is killed leaves nothing.
 */
export async function temporaryRows(wanted: RowsWanted, context: JobContext): Promise<StoredRows> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-tokens-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const stored = await storedRows(folder, wanted, context);
    await remove().catch(() => undefined); // once more at the end
    const close = async (): Promise<void> => {
      await stored.rows.close();
      await remove();
    };
    return { ...stored, rows: { ...stored.rows, close } };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function openStored(place: string): Promise<Omit<StoredRows, 'name'> | undefined> {
  const rows = await openTokenStore(place);
  const about = aboutSchema.safeParse(rows?.about);
  if (rows && about.success) return { rows, findings: about.data.findings };
  await rows?.close();
  return undefined;
}

const aboutSchema = z.object({
  findings: z.array(
    z.object({
      severity: z.enum(['error', 'warning']),
      code: z.string(),
      message: z.string(),
      where: z.string().exactOptional(),
    }),
  ),
});

/** SHA-256 of names and contents; names stand in findings. */
async function hashRowFiles({ name, paths }: RowFiles): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(name));
  for (const path of paths) hash.update(JSON.stringify([basename(path), await hashFile(path)]));
  return hash.digest('hex');
}

async function writeRows(
  place: string,
  files: RowFiles,
  { text, contextMax, longRows = 'refuse' }: RowsWanted,
  context: JobContext,
): Promise<void> {
  let total = 0;
  for (const path of files.paths) total += (await stat(path)).size;
  let toldAt = context.now();
  await writeTokenStore(place, async (append) => {
    const { findings } = await text.readRows(files, { contextMax, longRows }, async (rows) => {
      await append(rows);
      if (context.now() - toldAt < tellMilliseconds) return;
      if (context.stopRequested()) throw new UnavailableError('Stopped while the rows were read.');
      toldAt = context.now();
      context.emit({ type: 'progress', stage: 'read', done: files.readBytes(), total, unit: 'bytes' });
    });
    return { findings };
  });
}

/** A dataset that is read in less needs no word, and is not worth an interruption. */
const tellMilliseconds = 2000;
