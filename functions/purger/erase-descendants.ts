import { hasEnded } from '../../shared/domain/job-states.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { readAdapter } from '../../shared/records/adapters.ts';
import { baseWrite, readBase } from '../../shared/records/bases.ts';
import { blobKeys, blobPrefixes } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import { datasetWrite, findDataset } from '../../shared/records/datasets.ts';
import { dropBlobs } from '../../shared/records/drop-blobs.ts';
import { erasureWrite, findErasure, rootsOf, type ErasureRecord } from '../../shared/records/erasures.ts';
import { findJob, type JobRecord, jobWrite, madeIds, readJob } from '../../shared/records/jobs.ts';
import { activeJobSort, keys, lists } from '../../shared/records/keys.ts';
import { walkLineage } from '../../shared/records/lineage.ts';
import { findVersion, readVersion, versionWrite } from '../../shared/records/versions.ts';
import { dropTraces } from './purge-job.ts';

/** What descends from a dataset, by id. */
interface Descendants {
  readonly versions: ReadonlySet<string>;
  /** Id of a base and its name. */
  readonly bases: ReadonlyMap<string, string>;
}

/**
 * One look over all of it: jobs that read any of it are cancelled; once none has it in hand, what leads to bytes is written anew without
 * them, and the bytes go. Said to be over by a look that began when no call from before the erasure can be under way any more.
 */
export async function eraseDescendants(world: World, team: string, datasetId: string): Promise<void> {
  const begin = world.now();
  const erasure = await findErasure(world.table, team, datasetId);
  if (erasure?.value.state !== 'erasing') return;
  const { value } = erasure;
  const caller: Caller = { team, keyId: 'platform', scopes: [], requestId: newId(world, 'era') };
  const found = await descendantsOf(world, value);
  const ids = new Set([datasetId, ...found.versions, ...found.bases.keys()]);
  if (await endJobs(world, caller, ids)) return;
  await eraseDataset(world, caller, value);
  for (const id of found.versions) await eraseVersion(world, caller, id);
  for (const [id, name] of found.bases) await eraseBase(world, caller, id, name);
  const jobs = await eraseTraces(world, caller, ids);
  if (begin < Date.parse(value.startedAt) + 1000 * limits.erasureSettleSeconds) return;
  const erasedAt = new Date(world.now()).toISOString();
  const erased = { versions: found.versions.size, bases: found.bases.size, jobs };
  await commit(
    world,
    caller,
    { action: 'dataset.erased', resource: `datasets/${value.dataset}`, detail: { id: datasetId, ...erased } },
    [erasureWrite({ ...value, state: 'erased', erasedAt, erased }, erasure.revision)],
  );
}

/** By what was noted of the lineage, and of what an earlier release has published by what its records say. */
async function descendantsOf({ table }: World, { team, id, dataset }: ErasureRecord): Promise<Descendants> {
  const [versions, bases] = [new Set<string>(), new Map<string, string>()];
  for (const node of await walkLineage(table, team, [{ kind: 'dataset', id, name: dataset }], 'down', Infinity))
    if (node.kind === 'version') versions.add(node.id);
    else if (node.kind === 'base') bases.set(node.id, node.name);
  for await (const record of allRecords(table, { partition: lists.bases(team), index: 'index1' })) {
    const { value } = readBase(record);
    if (rootsOf(value).includes(id)) bases.set(value.id, value.name);
  }
  for await (const listed of allRecords(table, { partition: lists.adapters(team), index: 'index1' }))
    for await (const record of allRecords(table, {
      partition: lists.versions(team, readAdapter(listed).value.id),
      index: 'index1',
    })) {
      const { value } = readVersion(record);
      if (rootsOf(value).includes(id)) versions.add(value.id);
    }
  return { versions, bases };
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
