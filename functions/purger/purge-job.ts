import { hasEnded } from '../../shared/domain/job-states.ts';
import type { RecordKey, RecordTable, World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { readBase } from '../../shared/records/bases.ts';
import { blobKeys, blobPrefixes } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { dropBlobs } from '../../shared/records/drop-blobs.ts';
import { emptied } from '../../shared/records/holdings.ts';
import { findJob, type JobRecord } from '../../shared/records/jobs.ts';
import { jobChunkPrefix, keys, lists } from '../../shared/records/keys.ts';
import { findPurge, type PurgeRecord } from '../../shared/records/purges.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { transactStored } from '../../shared/records/transact-stored.ts';
import { findVersion } from '../../shared/records/versions.ts';

/**
 * Lets go what a job left on its way: its stream, its checkpoint, exported files, and what it stored and never published. Its record and
 * its report stay, because what it made leads to them.
 */
export async function purgeJob(world: World, caller: Caller, { value }: Stored<PurgeRecord>): Promise<void> {
  // what is younger was written by a container of a job that somebody has asked to go on meanwhile
  await dropTraces(world, caller, value.id, Date.parse(value.dueAt));
}

/** The same of what was written before a time (milliseconds since 1970), if the job has ended. */
export async function dropTraces(world: World, caller: Caller, id: string, writtenBefore: number): Promise<void> {
  const { team } = caller;
  const found = await findJob(world.table, team, id);
  if (!found || !hasEnded(found.value.state)) return;
  const last = await lastChunk(world.table, team, id);
  await commit(world, caller, { action: 'job.purge', resource: `jobs/${id}` }, [
    // a job that goes on from its checkpoint or publishes what it has stored keeps both
    { check: keys.job(team, id), condition: { ifRevision: found.revision } },
    ...[keys.jobDelivery, keys.jobCheckpoint, keys.jobHeartbeat, keys.jobSilence].map((key) => ({
      delete: key(team, id),
    })),
  ]);
  if (last) await dropStream(world.table, last);
  const lost = await unpublished(world.table, found.value);
  for (const prefix of [
    blobKeys.jobCheckpoint(team, id, ''),
    blobKeys.jobFile(team, id, ''),
    blobKeys.jobOutcome(team, id),
    ...lost.map(({ prefix }) => prefix),
  ])
    await dropBlobs(world, prefix, writtenBefore);
  await settleTraces(world, found.value, lost);
}

/** Nothing of it is kept any more, unless it has gone on meanwhile. */
async function settleTraces(world: World, { team, id }: JobRecord, lost: readonly Unpublished[]): Promise<void> {
  const now = await findJob(world.table, team, id);
  if (!now || !hasEnded(now.value.state)) return;
  const check = { check: keys.job(team, id), condition: { ifRevision: now.revision } };
  await transactStored(world, team, [check], [id, ...lost.map((one) => one.id)].map(emptied));
}

async function lastChunk(table: RecordTable, team: string, id: string): Promise<RecordKey | undefined> {
  const { partition } = keys.job(team, id);
  return (await table.query({ partition, prefix: jobChunkPrefix, reverse: true, limit: 1 })).records[0]?.key;
}

/** What is before this chunk. It stays, since it tells the end, and the numbers of events go on with it if the job does. */
async function dropStream(table: RecordTable, last: RecordKey): Promise<void> {
  for await (const { key } of allRecords(table, { partition: last.partition, prefix: jobChunkPrefix })) {
    if (key.sort >= last.sort) return;
    await table.delete(key);
  }
}

interface Unpublished {
  readonly id: string;
  readonly prefix: string;
}

/** Where it has stored what nothing leads to. A job that succeeded has published everything, unless it was a trial, whose sweep published another. */
async function unpublished(
  table: RecordTable,
  { team, state, makes, sweepId }: JobRecord,
): Promise<readonly Unpublished[]> {
  const { versionId, versionIds = [], baseId } = makes;
  if (state === 'succeeded' && sweepId === null) return [];
  const lost: Unpublished[] = [];
  for (const id of versionId === undefined ? versionIds : [versionId])
    if (!(await findVersion(table, team, id))) lost.push({ id, prefix: blobPrefixes.version(team, id) });
  if (versionId !== undefined || versionIds.length > 0) return lost;
  if (baseId === undefined || (await findPurge(table, team, baseId))) return [];
  for await (const record of allRecords(table, { partition: lists.bases(team), index: 'index1' }))
    if (readBase(record).value.id === baseId) return [];
  return [{ id: baseId, prefix: blobPrefixes.base(team, baseId) }];
}
