import { z } from 'zod';
import { findingField } from '../contract/fields.ts';
import { jobKinds, jobStates, type Job } from '../contract/jobs.ts';
import { lineageSchema } from '../contract/versions.ts';
import { DomainError } from '../errors.ts';
import { costMicroDollars, type Allowance } from '../domain/allowance.ts';
import { hasEnded, isResumable } from '../domain/job-states.ts';
import type { JsonObject, RecordTable, RecordWrite, StoredRecord } from '../platform/ports.ts';
import { presentHeartbeat, type Heartbeat } from './job-heartbeat.ts';
import { activeJobSort, keys, lists, timeSort } from './keys.ts';
import { datasetRootSchema, rootsOf } from './erasures.ts';
import { blobRefSchema, storedFileSchema } from './stored-file.ts';
import { recordValue, stored, type Stored } from './stored.ts';
import type { VersionRecord } from './versions.ts';

/** What a job reads, pinned: a name may come to mean something else, an id never does. */
const jobInputsSchema = lineageSchema.omit({ origin: true, jobId: true, moved: true });
export type JobInputs = z.output<typeof jobInputsSchema>;

const sharedInputSchema = z.object({
  /** `TEAM:NAME`. */
  adapter: z.string(),
  adapterId: z.string(),
  team: z.string(),
  versionId: z.string(),
  files: z.array(storedFileSchema),
  roots: z.array(datasetRootSchema),
});
/** A version of another team that a job reads: all that its container needs of records that it may not see. */
export type SharedInput = z.output<typeof sharedInputSchema>;
const needsSchema = z.object({ accelerator: z.boolean(), memoryBytes: z.int() });
const allowanceSchema = z.object({
  maxMilliseconds: z.int(),
  microDollarsPerHour: z.int(),
  chargedMilliseconds: z.int(),
});

const jobRecord = z.object({
  id: z.string(),
  team: z.string(),
  kind: z.enum(jobKinds),
  state: z.enum(jobStates),
  reason: z.string(),
  /** A `JobRequest`, or an `ImportRequest`; whoever runs it parses it again. */
  request: z.custom<JsonObject>((value) => typeof value === 'object' && value !== null),
  inputs: jobInputsSchema,
  /** What of it other teams share; absent: nothing. */
  shared: z.array(sharedInputSchema).optional(),
  /** Ids of what it will make, chosen with the job, so that no attempt makes a second one. */
  makes: z.object({
    versionId: z.string().optional(),
    baseId: z.string().optional(),
    /** Of several adapters, in the order of the request. */
    versionIds: z.array(z.string()).optional(),
  }),
  attempt: z.int(),
  deaths: z.int(),
  stops: z.int(),
  /** Of its machine; null: the smallest one without an accelerator. */
  needs: needsSchema.nullable().default(null),
  /** The run that may claim it, or has. */
  runId: z.string(),
  /** Not submitted before; null: at once. */
  retryAt: z.string().nullable(),
  output: z.object({
    adapter: z.string().optional(),
    versionId: z.string().optional(),
    version: z.int().optional(),
    base: z.string().optional(),
    files: z.int().optional(),
    versions: z.array(z.object({ adapter: z.string(), versionId: z.string(), version: z.int() })).optional(),
  }),
  /** What ended it before it was through; null: nothing. */
  stoppedBy: z.enum(['budget']).nullable().default(null),
  report: blobRefSchema.nullable(),
  findings: z.array(findingField),
  forkOf: z.string().nullable(),
  /** Of a trial: its sweep; null: it is none. */
  sweepId: z.string().nullable().default(null),
  /** Of a sweep: as what its trials are made; null: it is none. */
  trials: z
    .object({
      /** In the order of their settings; ids were chosen with the sweep. */
      jobs: z.array(z.object({ id: z.string(), versionId: z.string() })),
      /** Of each. */
      allowance: allowanceSchema,
      needs: needsSchema,
    })
    .nullable()
    .default(null),
  createdAt: z.string(),
  createdBy: z.string(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** When the container that has the job claimed it; null: none has it. */
  claimedAt: z.string().nullable().default(null),
  /** Of all containers that had the job. */
  machineSeconds: z.number().default(0),
  /** Of the last container that claimed it; null: it had none, or runs where there are no classes. */
  machineClass: z.string().nullable().default(null),
  /** What it may take, and what of it is charged; null: the platform's own job, or one from before there were budgets. */
  allowance: allowanceSchema.nullable().default(null),
  /** Bytes of each thing that it makes, and of what else it leaves where it ends: checkpoints and exported files. Null: not known before. */
  leaves: z
    .object({ outputBytes: z.array(z.int()), traceBytes: z.int() })
    .nullable()
    .default(null),
});
export type JobRecord = z.output<typeof jobRecord>;

export function sharedInput(version: VersionRecord): SharedInput {
  const { adapter, adapterId, team, id: versionId, files } = version;
  return { adapter, adapterId, team, versionId, files, roots: [...rootsOf(version)] };
}

export async function findJob(table: RecordTable, team: string, jobId: string): Promise<Stored<JobRecord> | undefined> {
  const record = await table.get(keys.job(team, jobId));
  return record && readJob(record);
}

/** Throws `DomainError('not-found')`. */
export async function getJobRecord(table: RecordTable, team: string, jobId: string): Promise<Stored<JobRecord>> {
  const found = await findJob(table, team, jobId);
  if (!found) throw new DomainError('not-found', `There is no job "${jobId}".`);
  return found;
}

export function readJob(record: StoredRecord): Stored<JobRecord> {
  return stored(jobRecord, record);
}

/** A new job, or a change of the one of this revision. While it has not ended, it is among those that the sweep looks after. */
export function jobWrite(value: JobRecord, revision?: number): RecordWrite {
  const { team, id, createdAt, state } = value;
  return {
    put: {
      key: keys.job(team, id),
      value: recordValue(value),
      index1: { partition: lists.jobs(team), sort: timeSort(createdAt, id) },
      ...(hasEnded(state) ? {} : { index2: { partition: keys.activeJobs, sort: activeJobSort(team, id) } }),
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

/** What a job makes or has made, by the ids that were chosen with it. */
export function madeIds({ makes }: Pick<JobRecord, 'makes'>): readonly string[] {
  const { versionId, versionIds = [], baseId } = makes;
  return [versionId, ...versionIds, baseId].filter((id) => id !== undefined);
}

/** As callers see it. */
export function presentJob(job: JobRecord, heartbeat: Heartbeat | undefined, report: JsonObject | null = null): Job {
  const { id, kind, state, reason, request, attempt, output, findings, forkOf } = job;
  const { createdAt, createdBy, startedAt, endedAt } = job;
  return {
    id,
    kind,
    state,
    reason,
    request: { ...request },
    inputs: job.inputs,
    attempt,
    usage: { machineSeconds: job.machineSeconds, machineClass: job.machineClass, ...chargeOf(job) },
    allowance: allowanceOf(job),
    ...presentHeartbeat(heartbeat),
    report: report && { ...report },
    output,
    stoppedBy: job.stoppedBy,
    findings,
    ...(forkOf === null ? {} : { forkOf }),
    ...(job.sweepId === null ? {} : { sweep: job.sweepId }),
    resumable: isResumable(job),
    createdAt,
    createdBy,
    startedAt,
    endedAt,
  };
}

function chargeOf({ allowance }: JobRecord): Pick<Job['usage'], 'chargedSeconds' | 'dollars'> {
  const { chargedMilliseconds = 0, microDollarsPerHour = 0 } = allowance ?? {};
  return {
    chargedSeconds: chargedMilliseconds / 1000,
    dollars: costMicroDollars(chargedMilliseconds, microDollarsPerHour) / 1e6,
  };
}

function allowanceOf({ allowance, trials }: JobRecord): Job['allowance'] {
  if (!allowance) return null;
  const { microDollarsPerHour } = trials?.allowance ?? allowance;
  return { ...wholeAllowance({ allowance, trials }), dollarsPerHour: microDollarsPerHour / 1e6 };
}

/** What a job may take at most, a sweep with all its trials. */
export function wholeAllowance({
  allowance,
  trials,
}: {
  readonly allowance: Allowance;
  readonly trials: JobRecord['trials'];
}): { readonly maxSeconds: number; readonly maxDollars: number } {
  const parts: readonly Allowance[] = [allowance, ...(trials ? trials.jobs.map(() => trials.allowance) : [])];
  const sum = (of: (part: Allowance) => number): number => parts.reduce((all, part) => all + of(part), 0);
  return {
    maxSeconds: sum(({ maxMilliseconds }) => maxMilliseconds) / 1000,
    maxDollars: sum((part) => costMicroDollars(part.maxMilliseconds, part.microDollarsPerHour)) / 1e6,
  };
}
