import { hasEnded } from '../../shared/domain/job-states.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { baseWrite, readBase } from '../../shared/records/bases.ts';
import { blobKeys, blobPrefixes } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import { datasetWrite, findDataset } from '../../shared/records/datasets.ts';
import { dropBlobs } from '../../shared/records/drop-blobs.ts';
import { erasureWrite, findErasure, type ErasureRecord } from '../../shared/records/erasures.ts';
import { emptied } from '../../shared/records/holdings.ts';
import { findJob, type JobRecord, jobWrite, madeIds, readJob } from '../../shared/records/jobs.ts';
import { activeJobSort, keys, lists } from '../../shared/records/keys.ts';
import { transactStored } from '../../shared/records/transact-stored.ts';
import { findVersion, versionWrite } from '../../shared/records/versions.ts';
import { findDescendants } from './find-descendants.ts';
import { dropTraces } from './purge-job.ts';

/**
 * One look over all of it, in every team that it has come to: jobs that read any of it are cancelled; once none has it in hand, what leads to
 * bytes is written anew without them, and the bytes go. Said to be over by a look that began when no call from before the erasure can be
 * under way any more.
 */
export async function eraseDescendants(world: World, team: string, datasetId: string): Promise<void> {
  const begin = world.now();
  const erasure = await findErasure(world.table, team, datasetId);
  if (erasure?.value.state !== 'erasing') return;
  const { value } = erasure;
  const found = await findDescendants(world.table, value);
  const ids = new Set([...found.values()].flatMap(({ versions, bases }) => [...versions, ...bases.keys()]));
  ids.add(datasetId);
  const requestId = newId(world, 'era');
  const callerOf = (of: string): Caller => ({ team: of, keyId: 'platform', scopes: [], requestId });
  let waits = false;
  for (const of of found.keys()) waits = (await endJobs(world, callerOf(of), ids)) || waits;
  if (waits) return;
  await eraseDataset(world, callerOf(team), value);
  const erased = { versions: 0, bases: 0, jobs: 0 };
  for (const [of, { versions, bases }] of found) {
    const caller = callerOf(of);
    for (const id of versions) await eraseVersion(world, caller, id);
    for (const [id, name] of bases) await eraseBase(world, caller, id, name);
    erased.versions += versions.size;
    erased.bases += bases.size;
    erased.jobs += await eraseTraces(world, caller, ids);
  }
  if (begin < Date.parse(value.startedAt) + 1000 * limits.erasureSettleSeconds) return;
  const erasedAt = new Date(world.now()).toISOString();
  await commit(
    world,
    callerOf(team),
    { action: 'dataset.erased', resource: `datasets/${value.dataset}`, detail: { id: datasetId, ...erased } },
    [erasureWrite({ ...value, state: 'erased', erasedAt, erased }, erasure.revision)],
  );
}

const reads = (job: JobRecord, ids: ReadonlySet<string>): boolean =>
  [
    job.inputs.base?.id,
    ...(job.inputs.datasets ?? []).map(({ id }) => id),
    ...(job.inputs.parents ?? []).map(({ versionId }) => versionId),
    ...madeIds(job),
  ].some((id) => id !== undefined && ids.has(id));

/** Whether one of them still has it in hand. */
async function endJobs(world: World, caller: Caller, ids: ReadonlySet<string>): Promise<boolean> {
  const { team } = caller;
  let waits = false;
  const active = { partition: keys.activeJobs, index: 'index2', prefix: activeJobSort(team, '') } as const;
  for await (const record of allRecords(world.table, active)) {
    const job = await findJob(world.table, team, readJob(record).value.id);
    if (!job || hasEnded(job.value.state) || !reads(job.value, ids)) continue;
    const { value } = await changeJobRecord(world, caller, job.value.id, { type: 'cancel' });
    waits ||= !hasEnded(value.state);
  }
  return waits;
}

async function eraseDataset(world: World, caller: Caller, { team, id, dataset }: ErasureRecord): Promise<void> {
  const found = await findDataset(world.table, team, dataset);
  if (found?.value.id === id && found.value.file !== null)
    await commit(world, caller, { action: 'dataset.empty', resource: `datasets/${dataset}` }, [
      datasetWrite({ ...found.value, file: null }, found.revision),
    ]);
  await dropBlobs(world, blobPrefixes.dataset(team, id));
  await transactStored(world, team, [], [emptied(id)]);
}

async function eraseVersion(world: World, caller: Caller, id: string): Promise<void> {
  const { team } = caller;
  const found = await findVersion(world.table, team, id);
  if (found && (found.value.files.length > 0 || found.value.details !== null))
    await commit(
      world,
      caller,
      { action: 'version.empty', resource: `adapters/${found.value.adapter}/versions/${id}` },
      [versionWrite({ ...found.value, files: [], details: null }, found.revision), { delete: keys.manifest(team, id) }],
    );
  await dropBlobs(world, blobPrefixes.version(team, id));
  await transactStored(world, team, [], [emptied(id)]);
}

async function eraseBase(world: World, caller: Caller, id: string, name: string): Promise<void> {
  const { team } = caller;
  const record = await world.table.get(keys.base(team, name));
  const found = record && readBase(record);
  if (found?.value.id === id && found.value.files.length > 0)
    await commit(world, caller, { action: 'base.empty', resource: `bases/${name}` }, [
      baseWrite({ ...found.value, files: [], sizeBytes: 0 }, found.revision),
      { delete: keys.manifest(team, id) },
    ]);
  await dropBlobs(world, blobPrefixes.base(team, id));
  await transactStored(world, team, [], [emptied(id)]);
}

/** What jobs that have read any of it left on their way: checkpoints, samples, exports, reports. Resolves to how many there were. */
async function eraseTraces(world: World, caller: Caller, ids: ReadonlySet<string>): Promise<number> {
  const { team } = caller;
  let count = 0;
  for await (const record of allRecords(world.table, { partition: lists.jobs(team), index: 'index1' })) {
    const job = await findJob(world.table, team, readJob(record).value.id);
    if (!job || !reads(job.value, ids)) continue;
    count++;
    if (job.value.report !== null)
      await commit(world, caller, { action: 'job.empty', resource: `jobs/${job.value.id}` }, [
        jobWrite({ ...job.value, report: null }, job.revision),
      ]);
    await dropTraces(world, caller, job.value.id, Infinity);
    await dropBlobs(world, blobKeys.jobReport(team, job.value.id));
  }
  return count;
}
