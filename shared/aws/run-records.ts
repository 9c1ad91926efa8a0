import type { JsonObject, NewRecord, RecordKey, RunInfo, RunOrder, StoredRecord } from '../platform/ports.ts';

/** What the runner keeps of a run, for Batch knows no id that its caller chose and forgets a job after a week. */
export interface RunRecord {
  readonly run: RunOrder;
  /** When it was last tried to submit it, in milliseconds since 1970. */
  readonly submittedAt: number;
  /** Absent: nobody knows yet whether Batch has it. */
  readonly batchId?: string;
  readonly cancelled: boolean;
  /** How it ended, once that was seen. */
  readonly end?: Pick<RunInfo, 'state' | 'exitCode' | 'reason'>;
}

export interface StoredRun {
  readonly value: RunRecord;
  readonly revision: number;
}

/** Seconds that a run is remembered after it was last written: longer than any job is looked after. */
const keptSeconds = 90 * 86_400;

/** The list of runs that have not ended, in `index1`. */
export const openRuns = 'ACTIVE#runs';

export const runKey = (runId: string): RecordKey => ({ partition: `RUN#${runId}`, sort: 'run' });

/** `now` in milliseconds. */
export function runRecord(value: RunRecord, now: number): NewRecord {
  const { runId } = value.run;
  return {
    key: runKey(runId),
    value: { run: JSON.stringify(value) },
    expiresAt: Math.floor(now / 1000) + keptSeconds,
    ...(value.end ? {} : { index1: { partition: openRuns, sort: runId } }),
  };
}

export function readRun({ value, revision }: StoredRecord): StoredRun {
  const { run } = value as JsonObject & { readonly run: string }; // written above
  return { value: JSON.parse(run) as RunRecord, revision };
}
