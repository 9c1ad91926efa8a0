import { createHash } from 'node:crypto';
import {
  ClientException,
  DescribeJobsCommand,
  ListJobsCommand,
  SubmitJobCommand,
  TerminateJobCommand,
  type BatchClient,
  type JobDetail,
} from '@aws-sdk/client-batch';
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type JobRunner, type RecordTable, type RunInfo, type RunOrder } from '../platform/ports.ts';
import { attempt, type Pace } from './attempts.ts';
import { cancelReason, lostJob, neverStarted, stateOfJob } from './batch-jobs.ts';
import { chooseClass } from './choose-class.ts';
import type { JobClass } from './environment.ts';
import { openRuns, readRun, runKey, runRecord, type RunRecord, type StoredRun } from './run-records.ts';

export interface BatchRunnerOptions {
  /** Without retries of its own. */
  readonly client: BatchClient;
  /** Keeps which run is which job of Batch. */
  readonly table: RecordTable;
  readonly classes: readonly JobClass[];
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly pace: Pace;
}

/**
 * Runs as jobs of AWS Batch. Only ids are submitted: parameters `job`, `team` and `run`, which the job definition's command refers to.
 * Batch has no token that would make a submission repeatable, so the record of a run is written before and after; where a process dies
 * between, its job is found by its name, which is the run's id. Two jobs for one run are possible all the same, at worst: the container
 * claims its run in the table, and the second one leaves.
 */
export class BatchRunner implements JobRunner {
  readonly #options: BatchRunnerOptions;

  constructor(options: BatchRunnerOptions) {
    this.#options = options;
  }

  async submit(run: RunOrder): Promise<void> {
    const { runId, jobId, team, needs } = run;
    invariant(/^[A-Za-z0-9_-]{1,128}$/.test(runId), `a run id names a job of Batch, unlike ${JSON.stringify(runId)}`);
    const place = chooseClass(this.#options.classes, needs);
    const order = { runId, jobId, team, ...(needs ? { needs } : {}) };
    const claimed = await this.#claim(order);
    if (!claimed) return;
    let batchId: string | undefined;
    try {
      // a first submission has nothing to look for
      if (claimed.revision > 1) batchId = await this.#findJob(order);
      batchId ??= await this.#submitJob(place, order);
    } catch (error) {
      // whoever repeats it need not wait
      await this.#note(claimed, { submittedAt: 0 });
      throw error;
    }
    await this.#note(claimed, { batchId });
  }

  async describe(runId: string): Promise<RunInfo | undefined> {
    const record = await this.#find(runId);
    const found = record && (await this.#adopt(record));
    return (
      found && this.#look(found, found.value.batchId ? await this.#describeJobs([found.value.batchId]) : new Map())
    );
  }

  async list(): Promise<readonly RunInfo[]> {
    const { table } = this.#options;
    const open: RunInfo[] = [];
    for (let after: string | undefined; ;) {
      const query = { partition: openRuns, index: 'index1', limit: describedMax } as const;
      const page = await table.query(after === undefined ? query : { ...query, after });
      const runs: StoredRun[] = [];
      for (const record of page.records) runs.push(await this.#adopt(readRun(record)));
      const jobs = await this.#describeJobs(runs.flatMap(({ value }) => value.batchId ?? []));
      for (const run of runs) {
        const info = await this.#look(run, jobs);
        if (info?.state === 'waiting' || info?.state === 'running') open.push(info);
      }
      after = page.next;
      if (after === undefined) return open;
    }
  }

  async cancel(runId: string): Promise<void> {
    const record = await this.#find(runId);
    const found = record && (await this.#adopt(record));
    if (!found || found.value.end) return;
    const noted = found.value.cancelled ? found : await this.#note(found, { cancelled: true });
    if (!noted) return;
    if (noted.value.batchId) await this.#terminate(noted.value.batchId);
    // whoever is submitting it sees the wish when noting its job
    else if (!this.#isFresh(noted)) await this.#note(noted, { end: neverStarted });
  }

  /** The record of a run that this call is to submit; undefined when there is nothing to do. */
  async #claim(run: RunOrder): Promise<StoredRun | undefined> {
    const { now } = this.#options;
    const value: RunRecord = { run, submittedAt: now(), cancelled: false };
    try {
      return await this.#put(value, 0);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
    }
    const found = await this.#find(run.runId);
    if (!found || found.value.batchId !== undefined || found.value.end) return undefined;
    // another call may be about to note its job
    if (this.#isFresh(found)) return undefined;
    if (found.value.cancelled) {
      await this.#note(found, { end: neverStarted });
      return undefined;
    }
    return this.#note(found, { submittedAt: now() }, { onlyOnce: true });
  }

  /** Changes a record; undefined when it is gone or, with `onlyOnce`, when it changed meanwhile. */
  async #note(found: StoredRun, change: Partial<RunRecord>, { onlyOnce = false } = {}): Promise<StoredRun | undefined> {
    for (let current: StoredRun | undefined = found; current;) {
      const value: RunRecord = { ...current.value, ...change };
      try {
        const stored = await this.#put(value, current.revision);
        // cancelled between the submission and this note
        if (change.batchId !== undefined && value.cancelled) await this.#terminate(change.batchId);
        return stored;
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error;
        if (onlyOnce) return undefined;
        current = await this.#find(value.run.runId);
      }
    }
    return undefined;
  }

  /**
   * Writes a record over this revision, 0 where there is none: by a transaction, for a note whose answer is lost must not seem to be another
   * caller's. Throws `ConditionError`.
   */
  async #put(value: RunRecord, revision: number): Promise<StoredRun> {
    const { table, now, randomBytes } = this.#options;
    const condition = revision === 0 ? ({ ifAbsent: true } as const) : { ifRevision: revision };
    const token = Buffer.from(randomBytes(16)).toString('hex');
    await table.transact([{ put: runRecord(value, now()), condition }], { token });
    return { value, revision: revision + 1 };
  }

  /** The same run with the job that Batch has for it, where the answer to a submission was lost or its note was. */
  async #adopt(found: StoredRun): Promise<StoredRun> {
    const { batchId, end, run } = found.value;
    if (batchId !== undefined || end || this.#isFresh(found)) return found;
    const known = await this.#findJob(run);
    return known === undefined ? found : ((await this.#note(found, { batchId: known })) ?? found);
  }

  /**
   * What a run is now; undefined when its submission never came to its end, so that it is to be submitted again. An end that is seen for
   * the first time is noted, for Batch forgets it.
   */
  async #look(found: StoredRun, jobs: ReadonlyMap<string, JobDetail>): Promise<RunInfo | undefined> {
    const { run, batchId, end } = found.value;
    const { runId, jobId, team } = run;
    const info = (how: NonNullable<RunRecord['end']>): RunInfo => ({ runId, jobId, team, ...how });
    if (end) return info(end);
    const job = batchId === undefined ? undefined : jobs.get(batchId);
    // Batch may not tell yet of a job that it has just taken
    if (!job && this.#isFresh(found)) return info({ state: 'waiting' });
    if (batchId === undefined) return undefined;
    const state = job ? stateOfJob(job) : lostJob;
    if (state.state === 'ended' || state.state === 'lost') await this.#note(found, { end: state });
    return info(state);
  }

  #isFresh({ value }: StoredRun): boolean {
    return this.#options.now() - value.submittedAt < limits.runSubmitSeconds * 1000;
  }

  async #find(runId: string): Promise<StoredRun | undefined> {
    const record = await this.#options.table.get(runKey(runId));
    return record && readRun(record);
  }

  async #submitJob({ queue, jobDefinition }: JobClass, { runId, jobId, team }: RunOrder): Promise<string> {
    const { client, pace } = this.#options;
    const command = new SubmitJobCommand({
      jobName: runId,
      jobQueue: queue,
      jobDefinition,
      parameters: { job: jobId, team, run: runId },
      shareIdentifier: shareOf(team),
      // the platform tries again, with what the end of the run says
      retryStrategy: { attempts: 1 },
      tags: { 'lorary:team': team },
      propagateTags: true,
    });
    const { jobId: batchId } = await attempt(() => client.send(command), { repeatable: false, pace });
    invariant(batchId, 'Batch names the job that it took');
    return batchId;
  }

  /** The job that an earlier call has submitted and not noted. */
  async #findJob({ runId, needs }: RunOrder): Promise<string | undefined> {
    const { queue } = chooseClass(this.#options.classes, needs);
    const command = new ListJobsCommand({ jobQueue: queue, filters: [{ name: 'JOB_NAME', values: [runId] }] });
    const { jobSummaryList = [] } = await this.#send(() => this.#options.client.send(command));
    return jobSummaryList.find(({ jobName }) => jobName === runId)?.jobId;
  }

  async #describeJobs(batchIds: readonly string[]): Promise<ReadonlyMap<string, JobDetail>> {
    if (batchIds.length === 0) return new Map();
    const command = new DescribeJobsCommand({ jobs: [...batchIds] });
    const { jobs = [] } = await this.#send(() => this.#options.client.send(command));
    return new Map(jobs.map((job) => [job.jobId ?? '', job]));
  }

  /** Ends a job whatever its state; no error when it has ended. */
  async #terminate(jobId: string): Promise<void> {
    const command = new TerminateJobCommand({ jobId, reason: cancelReason });
    await this.#send(() => this.#options.client.send(command)).catch((error: unknown) => {
      if (!(error instanceof ClientException)) throw error;
    });
  }

  #send<T>(call: () => Promise<T>): Promise<T> {
    return attempt(call, { repeatable: true, pace: this.#options.pace });
  }
}

/** Jobs of one DescribeJobs. */
const describedMax = 100;

/** What fair-share queues tell teams apart by: letters and digits alone. */
function shareOf(team: string): string {
  const hash = createHash('sha256').update(team).digest('hex').slice(0, 8);
  return `${team.replaceAll(/[^A-Za-z0-9]/g, '')}${hash}`;
}
