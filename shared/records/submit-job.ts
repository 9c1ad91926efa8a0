import type { JobKind } from '../contract/jobs.ts';
import type { Allowance } from '../domain/allowance.ts';
import type { LeftBytes } from '../domain/left-bytes.ts';
import { UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type JsonObject, type RecordWrite, type RunNeeds, type World } from '../platform/ports.ts';
import { accountWrites } from './budgets.ts';
import type { Caller } from './caller.ts';
import { commit, newId } from './commit.ts';
import { newFenceWrite } from './job-fence.ts';
import { chunkWrite } from './job-stream.ts';
import { jobWrite, type JobInputs, type JobRecord } from './jobs.ts';

/** A job to be made. Everything it names has been looked up. */
export interface NewJob {
  readonly kind: JobKind;
  /** As asked for, names pinned. */
  readonly request: JsonObject;
  readonly inputs?: JobInputs;
  readonly shared?: JobRecord['shared'];
  readonly makes?: JobRecord['makes'];
  readonly needs?: RunNeeds;
  /** What is reserved for it; absent: a job of the platform itself. */
  readonly allowance?: Allowance;
  /** Reserved, too; absent: nothing is known of it. */
  readonly leaves?: LeftBytes;
  readonly forkOf?: string;
  /** Of a sweep. What they may take is reserved with it, and they are made after it. */
  readonly trials?: JobRecord['trials'];
}

/** The record of a new job; `jobWrites` makes it, and `startRun` starts it after that. */
export function newJob(world: Pick<World, 'now' | 'randomBytes'>, caller: Caller, job: NewJob): JobRecord {
  const { kind, request, inputs = {}, shared = [], makes = {} } = job;
  const { needs = null, allowance = null, leaves = null, forkOf = null, trials = null } = job;
  return {
    id: newId(world, 'job'),
    team: caller.team,
    kind,
    state: 'queued',
    reason: trials ? 'It waits for its trials.' : 'It waits for a machine.',
    request,
    inputs,
    ...(shared.length > 0 ? { shared } : {}),
    makes,
    needs,
    attempt: 1,
    deaths: 0,
    stops: 0,
    runId: newId(world, 'run'),
    retryAt: null,
    output: {},
    stoppedBy: null,
    report: null,
    findings: [],
    forkOf,
    sweepId: null,
    trials,
    createdAt: new Date(world.now()).toISOString(),
    createdBy: caller.keyId,
    startedAt: null,
    endedAt: null,
    claimedAt: null,
    machineSeconds: 0,
    machineClass: null,
    allowance,
    leaves: leaves && { ...leaves, outputBytes: [...leaves.outputBytes] },
  };
}

/** Everything that makes a new job; for a transaction that makes something else with it. */
export function jobWrites(job: JobRecord): RecordWrite[] {
  const { team, id, state, reason, createdAt, attempt } = job;
  const first = { type: 'state', state, reason } as const;
  return [
    jobWrite(job),
    newFenceWrite(team, id),
    chunkWrite({ team, jobId: id, firstId: 1 }, { at: createdAt, attempt }, [first]),
  ];
}

/**
 * Hands a job that was made to the runner; repeating it is safe. A runner that does not answer is no error: the sweep submits what was
 * made and not submitted.
 */
export async function startRun(world: Pick<World, 'runner'>, { runId, id, team, needs }: JobRecord): Promise<void> {
  try {
    await world.runner.submit({ runId, jobId: id, team, ...(needs ? { needs } : {}) });
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
  }
}

/**
 * Makes a job, reserves what it may take, and starts it; a sweep waits for its trials. Throws `AlreadyDoneError` when the same call has made it before, and what
 * `accountWrites` throws where a budget does not allow it.
 */
export async function submitJob(world: World, caller: Caller, job: NewJob): Promise<JobRecord> {
  const made = newJob(world, caller, job);
  const change = { action: 'job.create', resource: `jobs/${made.id}`, detail: { kind: made.kind }, created: made.id };
  for (let attempt = 1; ; attempt++)
    try {
      await commit(world, caller, change, [...jobWrites(made), ...(await accountWrites(world, undefined, made))]);
      break;
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === limits.budgetAttemptsMax)
        throw new UnavailableError('Jobs begin and end too often just now: try again.', { cause: error });
    }
  if (!made.trials) await startRun(world, made);
  return made;
}
