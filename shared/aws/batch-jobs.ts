import type { JobDetail } from '@aws-sdk/client-batch';
import type { RunInfo } from '../platform/ports.ts';

/** What the runner tells Batch when it ends a job, and Batch from then on. */
export const cancelReason = 'It was cancelled.';

/** What Batch says of a job, as a run. */
export function stateOfJob(job: JobDetail): Pick<RunInfo, 'state' | 'exitCode' | 'reason'> {
  const exitCode = job.container?.exitCode;
  switch (job.status) {
    case 'RUNNING':
      return { state: 'running' };
    case 'SUCCEEDED':
      return { state: 'ended', exitCode: exitCode ?? 0 };
    case 'FAILED':
      return failed(job);
    default:
      return { state: 'waiting' };
  }
}

function failed({ container, statusReason, startedAt, attempts = [] }: JobDetail) {
  const cancelled = statusReason === cancelReason;
  const exitCode = container?.exitCode ?? attempts.at(-1)?.container?.exitCode;
  const detail = [container?.reason, statusReason].filter(Boolean).join('; ');
  const told = detail === '' ? '' : ` Batch says: ${detail}`;
  if (exitCode === undefined) {
    const started = startedAt !== undefined || attempts.some((attempt) => attempt.startedAt !== undefined);
    return cancelled && !started
      ? neverStarted
      : ({ state: 'lost', reason: `It ${started ? 'left no exit code' : 'never started'}.${told}` } as const);
  }
  if (exitCode <= signalBase) return { state: 'ended', exitCode } as const;
  // Docker reports the end by a signal as 128 and its number
  const signal = signals[exitCode - signalBase] ?? `signal ${exitCode - signalBase}`;
  const how = cancelled ? ' after it was cancelled' : '';
  return { state: 'lost', reason: `It was ended by ${signal}${how}.${told}` } as const;
}

const signalBase = 128;
const signals: Readonly<Record<number, string>> = { 6: 'SIGABRT', 9: 'SIGKILL', 11: 'SIGSEGV', 15: 'SIGTERM' };

/** A run that was cancelled in time. */
export const neverStarted = { state: 'ended', reason: 'It was cancelled before it started.' } as const;

/** A job without a container that will come to nothing any more. */
export const lostJob = { state: 'lost', reason: 'Batch does not know it any more.' } as const;
