import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { UnavailableError } from '../../shared/errors.ts';
import type { BlobRef, World } from '../../shared/platform/ports.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import { transactSurely } from '../../shared/records/commit.ts';
import { dropBlobs } from '../../shared/records/drop-blobs.ts';
import { fenceCheck, fencedOut, FencedOutError, type Fence } from '../../shared/records/job-fence.ts';
import { keys } from '../../shared/records/keys.ts';
import { blobRefSchema } from '../../shared/records/stored-file.ts';
import { recordValue, stored } from '../../shared/records/stored.ts';
import type { JobVoice } from './job-voice.ts';
import { placeFiles } from './place-files.ts';

const checkpointRecord = z.object({
  /** Relative to `<output>.run`, or to the folder in which the runs of several tasks stand. */
  files: z.array(z.object({ path: z.string(), blob: blobRefSchema })),
});

const metricsName = 'metrics.jsonl';

/** Keeps the newest checkpoint of a training run, or of several that are trained at once, where the next container finds it. */
export interface CheckpointStore {
  /** Brings the folders of the runs to where the last checkpoint left them; whether there was one. */
  restore(): Promise<boolean>;
  /** Keeps what is in these folders, all of it or nothing; of what comes while something is being kept, only the newest is. */
  save(folders: readonly string[]): void;
  /** What was asked for is kept, unless the store is away: an older checkpoint then stands. Throws `FencedOutError`. */
  settle(): Promise<void>;
  /** Nothing goes on from here any more. */
  discard(): Promise<void>;
}

/**
 * `place`: the folder of the run, or the one in which the runs of several tasks stand. `voice`: what was said before a checkpoint is written before it, or a container that goes on
 * from there would leave a gap.
 */
export function createCheckpointStore(
  world: World,
  fence: Fence,
  place: string,
  voice: Pick<JobVoice, 'flush'>,
): CheckpointStore {
  const { team, jobId } = fence;
  let next: readonly string[] | undefined;
  let lost: FencedOutError | undefined;
  let bug: unknown;
  let busy = false;
  let working = Promise.resolve();

  type KeptFile = z.output<typeof checkpointRecord>['files'][number];
  const pathOf = (file: string): string => relative(place, file).replaceAll(sep, '/');
  const keyOf = (path: string): string => blobKeys.jobCheckpoint(team, jobId, path);
  const kept = (path: string, { key, versionId }: BlobRef): KeptFile => ({ path, blob: { key, versionId } });
  /** One checkpoint, with the lines that belong to it. */
  const keepOne = async (folder: string): Promise<KeptFile[]> => {
    const files: KeptFile[] = [];
    for (const name of (await readdir(folder)).toSorted()) {
      const path = pathOf(join(folder, name));
      files.push(kept(path, await world.blobs.putFile(keyOf(path), join(folder, name))));
    }
    // they go on growing, so a copy is kept
    const metrics = join(dirname(dirname(folder)), metricsName);
    const path = pathOf(metrics);
    files.push(kept(path, await world.blobs.put(keyOf(path), await linesOf(metrics, folder))));
    return files;
  };
  const keep = async (folders: readonly string[]): Promise<void> => {
    const files: KeptFile[] = [];
    for (const folder of folders) files.push(...(await keepOne(folder)));
    await voice.flush();
    const before = await findCheckpoint(world, team, jobId);
    const put = { key: keys.jobCheckpoint(team, jobId), value: recordValue({ files }) };
    try {
      await transactSurely(world, [fenceCheck(fence), { put }]);
    } catch (error) {
      throw fencedOut(error, 0);
    }
    for (const { blob } of before) if (!files.some((file) => isSame(file.blob, blob))) await world.blobs.delete(blob);
  };
  const work = async (): Promise<void> => {
    for (let folders = next; folders !== undefined; folders = next) {
      next = undefined;
      try {
        await keep(folders);
      } catch (error) {
        if (error instanceof FencedOutError) lost = error;
        // the run deletes old checkpoints while they are being kept: a newer one follows
        else if (!isMissing(error) && !(error instanceof UnavailableError)) bug ??= error;
      }
    }
    busy = false;
  };
  return {
    async restore() {
      const files = await findCheckpoint(world, team, jobId);
      if (files.length === 0) return false;
      const linked = files.filter(({ path }) => basename(path) !== metricsName);
      await placeFiles(world, linked, place);
      for (const { path, blob } of files.filter((file) => !linked.includes(file))) {
        const pieces: Uint8Array[] = [];
        for await (const piece of world.blobs.stream(blob)) pieces.push(piece);
        await mkdir(dirname(join(place, path)), { recursive: true });
        await writeFile(join(place, path), Buffer.concat(pieces));
      }
      return true;
    },
    save(folders) {
      next = folders;
      if (busy) return;
      busy = true;
      working = work();
    },
    async settle() {
      await working;
      if (lost) throw lost;
      if (bug !== undefined) throw bug;
    },
    async discard() {
      await transactSurely(world, [fenceCheck(fence), { delete: keys.jobCheckpoint(team, jobId) }]);
      // older versions, too, which containers that died before they wrote the record have left
      await dropBlobs(world, blobKeys.jobCheckpoint(team, jobId, ''));
    },
  };
}

async function findCheckpoint(
  { table }: Pick<World, 'table'>,
  team: string,
  jobId: string,
): Promise<z.output<typeof checkpointRecord>['files']> {
  const record = await table.get(keys.jobCheckpoint(team, jobId));
  return record ? stored(checkpointRecord, record).value.files : [];
}

const stateSchema = z.object({ state: z.object({ metricsBytes: z.int().min(0) }) });

/** Those that belong to a checkpoint. */
async function linesOf(metrics: string, checkpoint: string): Promise<Uint8Array> {
  const { state } = stateSchema.parse(JSON.parse(await readFile(join(checkpoint, 'state.json'), 'utf8')));
  return (await readFile(metrics)).subarray(0, state.metricsBytes);
}

const isSame = (a: { key: string; versionId: string }, b: { key: string; versionId: string }): boolean =>
  a.key === b.key && a.versionId === b.versionId;

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
