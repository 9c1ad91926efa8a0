import { z } from 'zod';
import { DomainError, UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  ConditionError,
  type RecordTable,
  type RecordWrite,
  type StoredRecord,
  type World,
} from '../platform/ports.ts';
import { blobKeys } from './blob-keys.ts';
import type { Caller } from './caller.ts';
import { newId } from './commit.ts';
import type { HoldingWish } from './holdings.ts';
import { keys, timeSort } from './keys.ts';
import { stored, type Stored } from './stored.ts';
import { transactStored } from './transact-stored.ts';

const targetRecord = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('adapter'), adapter: z.string(), versionId: z.string() }),
  z.object({ kind: z.literal('dataset'), dataset: z.string(), datasetId: z.string() }),
  z.object({ kind: z.literal('base'), base: z.string(), baseId: z.string() }),
]);
/** What an upload is for: a thing that exists already and waits for its files. */
export type UploadTarget = z.output<typeof targetRecord>;

const uploadRecord = z.object({
  id: z.string(),
  team: z.string(),
  target: targetRecord,
  state: z.enum(['open', 'completed', 'aborted']),
  /** Whether nothing is left to do: it was given up, or what it brought was taken or refused. */
  settled: z.boolean(),
  files: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.int(),
      /** What the sender claims. */
      sha256: z.string(),
      blobKey: z.string(),
      multipartId: z.string(),
    }),
  ),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string(),
  /** Of the job that validates it, if one does. */
  jobId: z.string().nullable().default(null),
});
export type UploadRecord = z.output<typeof uploadRecord>;
export type UploadFile = UploadRecord['files'][number];

/** A file as its sender announces it. */
export interface AnnouncedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Makes room for the files of a target. The upload exists once `writes` are committed, together with the target and with `room`, the
 * bytes that were announced; if they are not, `dropUnbegun` gives the room back.
 */
export async function openUpload(
  world: World,
  caller: Caller,
  target: UploadTarget,
  files: readonly AnnouncedFile[],
): Promise<{ readonly upload: UploadRecord; readonly writes: readonly RecordWrite[]; readonly room: HoldingWish }> {
  const now = world.now();
  const begun: UploadFile[] = [];
  for (const { path, sizeBytes, sha256 } of files) {
    const blobKey = blobKeyOf(caller.team, target, path);
    const multipartId = await world.blobs.beginMultipart(blobKey, { partSizeBytes: limits.uploadPartBytes });
    begun.push({ path, sizeBytes, sha256, blobKey, multipartId });
  }
  const upload: UploadRecord = {
    id: newId(world, 'upl'),
    team: caller.team,
    target,
    state: 'open',
    settled: false,
    files: begun,
    createdAt: new Date(now).toISOString(),
    createdBy: caller.keyId,
    expiresAt: new Date(now + 1000 * uploadOpenSeconds).toISOString(),
    jobId: null,
  };
  const reserved = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const room = { id: thingOf(target), keyId: caller.keyId, writer: upload.id, reserved };
  return { upload, writes: [uploadWrite(upload)], room };
}

/** Id of what the files of an upload belong to. */
export function thingOf(target: UploadTarget): string {
  switch (target.kind) {
    case 'adapter':
      return target.versionId;
    case 'base':
      return target.baseId;
    case 'dataset':
      return target.datasetId;
  }
}

/** An hour less than the store keeps the parts, so that an open upload always has its parts. */
const uploadOpenSeconds = limits.uploadKeptSeconds - 3600;

/**
 * Settles an upload that was given up, once what was sent of it is dropped. Whoever dies in between leaves it to the sweep: a record that
 * is not settled is looked at again, and one that is keeps its parts for as long as it is kept itself.
 */
export async function settleAborted(
  world: Pick<World, 'table' | 'blobs' | 'now' | 'randomBytes'>,
  { value, revision }: Stored<UploadRecord>,
): Promise<void> {
  await dropParts(world, value);
  const wishes = [{ id: thingOf(value.target), reserved: 0 }];
  try {
    await transactStored(world, value.team, [uploadWrite({ ...value, settled: true }, revision)], wishes);
  } catch (error) {
    // another look was faster
    if (!(error instanceof ConditionError)) throw error;
  }
}

/**
 * Gives the room of an upload back whose writes ended in this error. Where nobody knows whether they were done it stays, for whoever repeats
 * the call may find the upload; what is not found is dropped by the store itself.
 */
export async function dropUnbegun(world: Pick<World, 'blobs'>, upload: UploadRecord, error: unknown): Promise<void> {
  if (!(error instanceof UnavailableError)) await dropParts(world, upload);
}

/** Drops what was sent of an upload that is not completed. */
export async function dropParts({ blobs }: Pick<World, 'blobs'>, upload: UploadRecord): Promise<void> {
  for (const { blobKey, multipartId } of upload.files) await blobs.abortMultipart(blobKey, multipartId);
}

function blobKeyOf(team: string, target: UploadTarget, path: string): string {
  switch (target.kind) {
    case 'adapter':
      return blobKeys.versionFile(team, target.versionId, path);
    case 'base':
      return blobKeys.baseFile(team, target.baseId, path);
    case 'dataset':
      return blobKeys.datasetFile(team, target.datasetId);
  }
}

/** Throws `DomainError('not-found')`. */
export async function getUploadRecord(table: RecordTable, team: string, id: string): Promise<Stored<UploadRecord>> {
  const record = await table.get(keys.upload(team, id));
  if (!record) throw new DomainError('not-found', `There is no upload "${id}".`);
  return readUpload(record);
}

export function readUpload(record: StoredRecord): Stored<UploadRecord> {
  return stored(uploadRecord, record);
}

/** A new upload, or a change of the one of this revision. The sweep sees it until it is settled; some time later it is forgotten. */
export function uploadWrite(value: UploadRecord, revision?: number): RecordWrite {
  return {
    put: {
      key: keys.upload(value.team, value.id),
      value,
      ...(value.settled
        ? { expiresAt: Math.floor(Date.parse(value.expiresAt) / 1000) + limits.uploadRecordKeptSeconds }
        : { index1: { partition: keys.activeUploads, sort: timeSort(value.createdAt, value.id) } }),
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

/** Parts that a file of this size is sent in; an empty one has one, too. */
export function partCount(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / limits.uploadPartBytes));
}

/** Bytes of a part, numbered from 1: every part but the last has the same size. */
export function partBytes(sizeBytes: number, number: number): number {
  return Math.min(limits.uploadPartBytes, sizeBytes - (number - 1) * limits.uploadPartBytes);
}
