import type { RecordTable, World } from '../../shared/platform/ports.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { parseBase } from '../../shared/records/bases.ts';
import { readComposition } from '../../shared/records/compositions.ts';
import { parseDataset } from '../../shared/records/datasets.ts';
import { madeIds, readJob } from '../../shared/records/jobs.ts';
import { activeJobSort, keys, lists } from '../../shared/records/keys.ts';
import type { PurgeRecord } from '../../shared/records/purges.ts';
import { readUpload } from '../../shared/records/uploads.ts';
import { findVersion } from '../../shared/records/versions.ts';

/**
 * Whether the bytes of something deleted are still needed: by a job that has not ended, by a composition that pins a version, or because
 * they are still on their way. Nothing new can come to need them, since nothing leads to what was deleted.
 */
export async function isInUse({ table }: Pick<World, 'table'>, purge: PurgeRecord): Promise<boolean> {
  const { team, id, kind, why } = purge;
  if (why !== 'deleted' || kind === 'adapter') return false;
  if (await isArriving(table, team, await uploadOf(table, purge))) return true;
  for await (const record of allRecords(table, { ...activeJobs, prefix: activeJobSort(team, '') })) {
    const { value: job } = readJob(record);
    const { base, datasets = [], parents = [] } = job.inputs;
    const ids = [base?.id, ...datasets.map((dataset) => dataset.id), ...parents.map(({ versionId }) => versionId)];
    if ([...ids, ...madeIds(job)].includes(id)) return true;
  }
  if (kind === 'version')
    for await (const record of allRecords(table, { partition: lists.compositions(team), index: 'index1' }))
      if (readComposition(record).value.members.some(({ versionId }) => versionId === id)) return true;
  return false;
}

const activeJobs = { partition: keys.activeJobs, index: 'index2' } as const;

async function uploadOf(table: RecordTable, { team, id, kind, record }: PurgeRecord): Promise<string | null> {
  if (kind === 'version') return (await findVersion(table, team, id))?.value.uploadId ?? null;
  if (record === null) return null;
  return (kind === 'base' ? parseBase(record) : parseDataset(record)).uploadId;
}

/** An upload that is settled brings nothing more; neither does one that is forgotten. */
async function isArriving(table: RecordTable, team: string, uploadId: string | null): Promise<boolean> {
  if (uploadId === null || uploadId === '') return false;
  const record = await table.get(keys.upload(team, uploadId));
  return record !== undefined && !readUpload(record).value.settled;
}
