import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import type { BlobRef, World } from '../../shared/platform/ports.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import { transactSurely } from '../../shared/records/commit.ts';
import { dropBlobs } from '../../shared/records/drop-blobs.ts';
import { fenceCheck, fencedOut, FencedOutError, type Fence } from '../../shared/records/job-fence.ts';
import { keys } from '../../shared/records/keys.ts';
import { blobRefSchema } from '../../shared/records/stored-file.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { recordValue, stored } from '../../shared/records/stored.ts';
import type { JobVoice } from './job-voice.ts';
import { placeFiles } from './place-files.ts';
import { bytesOfFiles, giveRoomBack, takeRoom } from './take-room.ts';

const checkpointRecord = z.object({
  /** Relative to `<output>.run`, or to the folder in which the runs of several tasks stand. */
  files: z.array(z.object({ path: z.string(), blob: blobRefSchema })),
});

/** Metrics grow with each checkpoint: their bytes are not counted one by one. */
const heldStepBytes = 1_000_000;

/** What is to be kept. */
interface OneCheckpoint {
  readonly folder: string;
  readonly names: readonly string[];
  /** Of the run. */
  readonly metrics: string;
  readonly lines: Uint8Array;
  /** Of the files. */
  readonly bytes: number;
}

type CheckpointFile = z.output<typeof checkpointRecord>['files'][number];

const metricsName = 'metrics.jsonl';

/** Keeps the newest checkpoint of a training run, or of several that are trained at once, where the next container finds it. */
export interface CheckpointStore {
  /** Brings the folders of the runs to where the last checkpoint left them; whether there was one. */
  restore(): Promise<boolean>;
  /** Keeps what is in these folders, all of it or nothing; of what comes while something is being kept, only the newest is. */
  save(folders: readonly string[]): void;
  /** What was asked for is kept, unless the store is away or has no room: an older checkpoint then stands. Throws `FencedOutError`. */
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
  job: Pick<JobRecord, 'id' | 'createdBy' | 'leaves'>,
  place: string,
  voice: Pick<JobVoice, 'flush' | 'say'>,
): CheckpointStore {
  const { team, jobId } = fence;
  let next: readonly string[] | undefined;
  let lost: FencedOutError | undefined;
  let bug: unknown;
  let busy = false;
  let working = Promise.resolve();
  /** Bytes of the newest; undefined: none was kept here. */
  let kept: number | undefined;
  let held = 0;
  let isTold = false;

  const pathOf = (file: string): string => relative(place, file).replaceAll(sep, '/');
  const keyOf = (path: string): string => blobKeys.jobCheckpoint(team, jobId, path);
  const keptAs = (path: string, { key, versionId }: BlobRef): CheckpointFile => ({ path, blob: { key, versionId } });
  const hold = async (bytes: number): Promise<void> => {
    const upTo = job.leaves ? { upTo: job.leaves.traceBytes } : {};
    await takeRoom(world, fence, job, { id: jobId, bytes, ...upTo });
    held = bytes;
  };
  const read = async (folder: string): Promise<OneCheckpoint> => {
    const names = (await readdir(folder)).toSorted();
    const metrics = join(dirname(dirname(folder)), metricsName);
    // they go on growing, so a copy is kept
    return { folder, names, metrics, lines: await linesOf(metrics, folder), bytes: await bytesOfFiles(folder, names) };
  };
  /** One checkpoint, with the lines that belong to it. */
  const keepOne = async ({ folder, names, metrics, lines }: OneCheckpoint): Promise<CheckpointFile[]> => {
    const files: CheckpointFile[] = [];
    for (const name of names) {
      const path = pathOf(join(folder, name));
      files.push(keptAs(path, await world.blobs.putFile(keyOf(path), join(folder, name))));
    }
    const path = pathOf(metrics);
    files.push(keptAs(path, await world.blobs.put(keyOf(path), lines)));
    return files;
  };
  const keep = async (folders: readonly string[]): Promise<void> => {
    const parts: OneCheckpoint[] = [];
    for (const folder of folders) parts.push(await read(folder));
    const bytes = parts.reduce((sum, part) => sum + part.bytes + part.lines.byteLength, 0);
    // until the one before goes, both are there
    const before = await findCheckpoint(world, team, jobId);
    const both = bytes + (kept ?? (await storedBytes(world, before)));
    if (both > held) await hold(Math.ceil(both / heldStepBytes) * heldStepBytes);
    const files: CheckpointFile[] = [];
    for (const part of parts) files.push(...(await keepOne(part)));
    await voice.flush();
    const put = { key: keys.jobCheckpoint(team, jobId), value: recordValue({ files }) };
    try {
      await transactSurely(world, [fenceCheck(fence), { put }]);
    } catch (error) {
      throw fencedOut(error, 0);
    }
    for (const { blob } of before) if (!files.some((file) => isSame(file.blob, blob))) await world.blobs.delete(blob);
    kept = bytes;
  };
  const work = async (): Promise<void> => {
    for (let folders = next; folders !== undefined; folders = next) {
      next = undefined;
      try {
        await keep(folders);
      } catch (error) {
        if (error instanceof FencedOutError) lost = error;
        else if (error instanceof DomainError && error.code === 'storage-exceeded') tell(error);
        // the run deletes old checkpoints while they are being kept: a newer one follows
        else if (!isMissing(error) && !(error instanceof UnavailableError)) bug ??= error;
      }
    }
    busy = false;
  };
  /** The run goes on without: what it makes has room of its own. */
  const tell = ({ message }: DomainError): void => {
    const finding = { severity: 'warning', code: 'storage-exceeded', where: 'checkpoint', message } as const;
    if (!isTold) voice.say({ type: 'finding', finding });
    isTold = true;
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
      if (kept !== undefined && kept !== held) await unlessAway(hold(kept));
    },
    async discard() {
      await transactSurely(world, [fenceCheck(fence), { delete: keys.jobCheckpoint(team, jobId) }]);
      // older versions, too, which containers that died before they wrote the record have left
      await dropBlobs(world, blobKeys.jobCheckpoint(team, jobId, ''));
      await giveRoomBack(world, fence, jobId);
    },
  };
}

async function findCheckpoint({ table }: Pick<World, 'table'>, team: string, jobId: string): Promise<CheckpointFile[]> {
  const record = await table.get(keys.jobCheckpoint(team, jobId));
  return record ? stored(checkpointRecord, record).value.files : [];
}

/** A store that is away leaves more counted than is kept, until the bytes go or are counted anew. */
async function unlessAway(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
  }
}

/** What is not there any more takes nothing. */
async function storedBytes({ blobs }: Pick<World, 'blobs'>, files: readonly CheckpointFile[]): Promise<number> {
  const infos = await Promise.all(files.map(({ blob }) => blobs.head(blob)));
  return infos.reduce((sum, info) => sum + (info?.sizeBytes ?? 0), 0);
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
