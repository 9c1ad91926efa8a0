import type { Lineage } from '../../shared/contract/versions.ts';
import { invariant, type Finding } from '../../shared/errors.ts';
import { ConditionError, type World } from '../../shared/platform/ports.ts';
import { putBaseTensors } from '../../shared/records/base-tensors.ts';
import { baseWrite, findBase, type BaseRecord } from '../../shared/records/bases.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { datasetRoots } from '../../shared/records/dataset-roots.ts';
import { refuseErased } from '../../shared/records/erasures.ts';
import { fenceCheck, fencedOut, type Fence } from '../../shared/records/job-fence.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { noteLineage, parentsOf } from '../../shared/records/lineage.ts';
import { manifestWrite } from '../../shared/records/manifests.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { hashOfWeights, type BaseFacts } from './describe-base.ts';
import { freeName } from './free-name.ts';

export interface MadeBase {
  readonly job: JobRecord;
  /** The name that was asked for. */
  readonly base: string;
  readonly origin: 'train' | 'merge';
  readonly files: readonly StoredFile[];
  readonly facts: BaseFacts;
}

/** Makes a base of what a job has written, once, under the id that was chosen with the job. Throws `FencedOutError`. */
export async function publishBase(
  world: World,
  caller: Caller,
  fence: Fence,
  made: MadeBase,
): Promise<{ readonly name: string; readonly findings: readonly Finding[] }> {
  const { job, origin, files, facts } = made;
  const { team } = job;
  const { baseId: id } = job.makes;
  invariant(id !== undefined, 'the id of the base was chosen with the job');
  const tensors = await putBaseTensors(world, { team, id }, facts.tensors);
  for (;;) {
    const isFree = async (name: string): Promise<boolean> => {
      const found = await findBase(world.table, team, name);
      return !found || found.value.id === id;
    };
    const { name, findings } = await freeName(made.base, job.id, isFree);
    const found = await findBase(world.table, team, name);
    if (found?.value.id === id) return { name, findings };
    const comesFrom: Lineage = { origin, jobId: job.id, ...job.inputs };
    const roots = await datasetRoots(world.table, team, comesFrom);
    const base: BaseRecord = {
      ...factsOf(facts, files),
      name,
      id,
      team,
      state: 'ready',
      description: '',
      source: { kind: origin },
      lineage: comesFrom,
      importJobId: job.id,
      createdAt: new Date(world.now()).toISOString(),
      createdBy: caller.keyId,
      tensors,
      uploadId: null,
      ...roots,
    };
    // as of a version that a job publishes: what other teams have erased is found by the sweep
    await refuseErased(world.table, { ...base, otherRoots: [] }, 'What was made');
    const { lineage, createdAt: at } = base;
    await noteLineage(world, team, { kind: 'base', id, name }, parentsOf(lineage));
    const manifest = await manifestWrite(world, caller, { kind: 'base', team, name, id, lineage, files, at });
    try {
      const change = { action: 'base.create', resource: `bases/${name}` };
      await commit(world, caller, change, [fenceCheck(fence), baseWrite(base), manifest]);
      return { name, findings };
    } catch (error) {
      const known = fencedOut(error, 0);
      if (!(known instanceof ConditionError)) throw known;
    }
  }
}

/** What a record says of a base's files. */
export function factsOf(
  facts: BaseFacts,
  files: readonly StoredFile[],
): Pick<
  BaseRecord,
  | 'architecture'
  | 'parameters'
  | 'contextTokens'
  | 'dtypes'
  | 'hasChatTemplate'
  | 'files'
  | 'sizeBytes'
  | 'sha256'
  | 'findings'
> {
  const { architecture, parameters, contextTokens, dtypes, hasChatTemplate, findings, weightFiles } = facts;
  return {
    architecture,
    parameters,
    contextTokens,
    dtypes,
    hasChatTemplate,
    files: [...files],
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    sha256: hashOfWeights(files, weightFiles),
    findings: [...findings],
  };
}
