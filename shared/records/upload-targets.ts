import type { Finding } from '../errors.ts';
import type { RecordWrite, World } from '../platform/ports.ts';
import { baseWrite, findBase } from './bases.ts';
import type { Caller } from './caller.ts';
import { datasetWrite, findDataset } from './datasets.ts';
import { newImportJob } from './import-job.ts';
import type { JobRecord } from './jobs.ts';
import type { StoredFile } from './stored-file.ts';
import type { Stored } from './stored.ts';
import { jobWrites } from './submit-job.ts';
import { purgeWrite } from './purges.ts';
import { uploadWrite, type UploadRecord } from './uploads.ts';
import { findVersion, versionWrite } from './versions.ts';

/** Whether what the upload is for is still there and waits for files. */
export async function targetWaits({ table }: Pick<World, 'table'>, { team, target }: UploadRecord): Promise<boolean> {
  switch (target.kind) {
    case 'adapter':
      return (await findVersion(table, team, target.versionId))?.value.state === 'draft';
    case 'dataset': {
      const found = await findDataset(table, team, target.dataset);
      return found?.value.id === target.datasetId && found.value.state === 'draft';
    }
    case 'base': {
      const found = await findBase(table, team, target.base);
      return found?.value.id === target.baseId && found.value.state === 'draft';
    }
  }
}

/** What is written when the files of a target have come; a base also gets the job that imports it, to be started afterwards. */
export async function arrivalWrites(
  world: World,
  caller: Caller,
  { value, revision }: Stored<UploadRecord>,
  files: readonly StoredFile[],
): Promise<{ readonly writes: readonly RecordWrite[]; readonly job?: JobRecord } | undefined> {
  const { team, target } = value;
  switch (target.kind) {
    case 'adapter': {
      const found = await findVersion(world.table, team, target.versionId);
      if (found?.value.state !== 'draft') return undefined;
      return { writes: [versionWrite({ ...found.value, state: 'validating', files: [...files] }, found.revision)] };
    }
    case 'dataset': {
      const found = await findDataset(world.table, team, target.dataset);
      const [file] = files;
      if (found?.value.id !== target.datasetId || found.value.state !== 'draft' || !file) return undefined;
      return { writes: [datasetWrite({ ...found.value, state: 'validating', file }, found.revision)] };
    }
    case 'base': {
      const found = await findBase(world.table, team, target.base);
      if (found?.value.id !== target.baseId || found.value.state !== 'draft') return undefined;
      const job = newImportJob(world, caller, found.value, { kind: 'upload' });
      const base = { ...found.value, state: 'importing' as const, files: [...files], importJobId: job.id };
      // from here on the job looks after it
      const settled = uploadWrite({ ...value, settled: true }, revision);
      return { writes: [baseWrite(base, found.revision), ...jobWrites(job), settled], job };
    }
  }
}

/** What is written of a target whose files will not come; nothing when it does not wait for them. */
export async function abandonWrites(
  world: Pick<World, 'table' | 'now'>,
  { team, target }: UploadRecord,
  finding: Finding,
): Promise<readonly RecordWrite[]> {
  const { table } = world;
  const findings = [finding];
  const why = 'rejected';
  switch (target.kind) {
    case 'adapter': {
      const found = await findVersion(table, team, target.versionId);
      if (found?.value.state !== 'draft') return [];
      const { id } = found.value;
      return [
        versionWrite({ ...found.value, state: 'rejected', findings }, found.revision),
        purgeWrite(world, { team, kind: 'version', id, why }),
      ];
    }
    case 'dataset': {
      const found = await findDataset(table, team, target.dataset);
      if (found?.value.id !== target.datasetId || found.value.state !== 'draft') return [];
      const { id, name } = found.value;
      return [
        datasetWrite({ ...found.value, state: 'rejected', findings }, found.revision),
        purgeWrite(world, { team, kind: 'dataset', id, name, why }),
      ];
    }
    case 'base': {
      const found = await findBase(table, team, target.base);
      if (found?.value.id !== target.baseId || found.value.state !== 'draft') return [];
      const { id, name } = found.value;
      return [
        baseWrite({ ...found.value, state: 'failed', findings }, found.revision),
        purgeWrite(world, { team, kind: 'base', id, name, why }),
      ];
    }
  }
}
