import { DomainError, type Finding } from '../../shared/errors.ts';
import { ConditionError, type World } from '../../shared/platform/ports.ts';
import { adapterWrite, findAdapter, newAdapter, type AdapterRecord } from '../../shared/records/adapters.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { fenceCheck, fencedOut, FencedOutError, type Fence } from '../../shared/records/job-fence.ts';
import type { JobInputs, JobRecord } from '../../shared/records/jobs.ts';
import { keys } from '../../shared/records/keys.ts';
import { publishVersion, type VersionOutcome } from '../../shared/records/publish-version.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { findVersion, newVersion, versionWrite, type VersionRecord } from '../../shared/records/versions.ts';
import { freeName } from './free-name.ts';

export interface MadeAdapter {
  readonly job: JobRecord;
  /** Of the version, chosen with the job. */
  readonly versionId: string;
  /** What it was made of: all that the job reads, or of several tasks that of this one. */
  readonly inputs: JobInputs;
  /** The name that was asked for. */
  readonly adapter: string;
  readonly base: string;
  readonly origin: 'train' | 'compose';
  readonly files: readonly StoredFile[];
  readonly outcome: VersionOutcome;
  /** Of the version; absent: none. */
  readonly notes?: string;
}

/**
 * Publishes what a job has made as a version whose id was chosen with the job: however often this is done, and by however many containers,
 * there is one. Throws `FencedOutError`.
 */
export async function publishAdapter(
  world: World,
  caller: Caller,
  fence: Fence,
  made: MadeAdapter,
): Promise<{ readonly version: VersionRecord; readonly findings: readonly Finding[] }> {
  const { versionId } = made;
  for (;;) {
    const findings = await makeDraft(world, caller, fence, made, versionId);
    try {
      const version = await publishVersion(world, caller, versionId, made.outcome, { with: [fenceCheck(fence)] });
      return { version, findings };
    } catch (error) {
      if (error instanceof ConditionError) throw new FencedOutError({ cause: error });
      if (!(error instanceof DomainError) || error.code !== 'adapter-deleted') throw error;
      // hours of work are not thrown away for an adapter: it goes to a new one of that name
      await dropDraft(world, caller, fence, versionId);
    }
  }
}

/** The version to be published, in its adapter, unless it is there. */
async function makeDraft(
  world: World,
  caller: Caller,
  fence: Fence,
  made: MadeAdapter,
  versionId: string,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (;;) {
    if (await findVersion(world.table, caller.team, versionId)) return findings;
    const { adapter, isNew, renamed } = await adapterFor(world, caller, made);
    findings.splice(0, Infinity, ...renamed);
    const { origin, files, job, inputs, notes = '' } = made;
    const lineage = { origin, jobId: job.id, ...inputs };
    const given = { state: 'validating' as const, files: [...files], lineage, notes, promote: [] };
    const draft: VersionRecord = { ...newVersion(world, caller, adapter, given), id: versionId };
    const change = { action: 'version.create', resource: `adapters/${adapter.name}/versions/${versionId}` };
    const writes = [fenceCheck(fence), versionWrite(draft), ...(isNew ? [adapterWrite(adapter)] : [])];
    try {
      await commit(world, caller, change, writes);
    } catch (error) {
      const known = fencedOut(error, 0);
      if (!(known instanceof ConditionError)) throw known;
    }
  }
}

async function dropDraft(world: World, caller: Caller, fence: Fence, versionId: string): Promise<void> {
  const found = await findVersion(world.table, caller.team, versionId);
  if (!found) return;
  const { team, adapter } = found.value;
  const change = { action: 'version.drop', resource: `adapters/${adapter}/versions/${versionId}` };
  const gone = { delete: keys.version(team, versionId), condition: { ifRevision: found.revision } };
  try {
    await commit(world, caller, change, [fenceCheck(fence), gone]);
  } catch (error) {
    const known = fencedOut(error, 0);
    if (!(known instanceof ConditionError)) throw known;
  }
}

/** The adapter of this name and base, or a new one; under another name where that one belongs to another base by now. */
async function adapterFor(
  world: World,
  caller: Caller,
  { adapter: wanted, base, job }: MadeAdapter,
): Promise<{ readonly adapter: AdapterRecord; readonly isNew: boolean; readonly renamed: readonly Finding[] }> {
  const isFree = async (name: string): Promise<boolean> => {
    const found = await findAdapter(world.table, caller.team, name);
    return !found || found.value.base === base;
  };
  const { name, findings: renamed } = await freeName(wanted, job.id, isFree);
  const found = await findAdapter(world.table, caller.team, name);
  if (found) {
    if (found.value.base !== base) throw new DomainError('name-taken', `There is an adapter "${name}" already.`);
    return { adapter: found.value, isNew: false, renamed };
  }
  const adapter = newAdapter(world, caller, { name, base, description: '', tags: [] });
  return { adapter, isNew: true, renamed };
}
