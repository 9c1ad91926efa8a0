import type { ImportRequest, ImportSource } from './import-request.ts';
import type { World } from '../platform/ports.ts';
import type { BaseRecord } from './bases.ts';
import type { Caller } from './caller.ts';
import type { JobRecord } from './jobs.ts';
import { recordValue } from './stored.ts';
import { newJob } from './submit-job.ts';

/**
 * The job that makes a base ready. It is written (`jobWrites`) in the transaction in which the base becomes `importing` with its id as
 * `importJobId`, and started (`startRun`) after that.
 */
export function newImportJob(
  world: Pick<World, 'now' | 'randomBytes'>,
  caller: Caller,
  base: Pick<BaseRecord, 'id' | 'name'>,
  source: ImportSource,
): JobRecord {
  const request: ImportRequest = { kind: 'import-base', base: base.name, baseId: base.id, source };
  return newJob(world, caller, { kind: 'import-base', request: recordValue(request), makes: { baseId: base.id } });
}
