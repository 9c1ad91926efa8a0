import type { JobKind, JobState } from '../contract/jobs.ts';
import { limits } from '../limits.ts';

/** What a job's record says about where it stands. */
export interface JobStanding {
  readonly kind: JobKind;
  readonly state: JobState;
  /** Of a trial: its sweep. */
  readonly sweepId?: string | null | undefined;
  /** The run that may claim it, or has. */
  readonly runId: string;
  /** From 1. */
  readonly attempt: number;
  /** Containers that died since it was last asked for. */
  readonly deaths: number;
  /** Containers that ended early and asked to be started again. */
  readonly stops: number;
}

/** What may happen to a job. */
export type JobChange =
  /** A container of this run begins. */
  | { readonly type: 'claim'; readonly runId: string }
  /** Somebody asks for its end. */
  | { readonly type: 'cancel' }
  | { readonly type: 'succeed' }
  /** It cannot be done as it was asked for. */
  | { readonly type: 'refuse'; readonly reason: string }
  /** The container saved its work and ended; the job can go on. */
  | { readonly type: 'stop'; readonly reason: string }
  /** The container is gone and left no word. */
  | { readonly type: 'die'; readonly reason: string }
  /** Somebody asks for it to go on; of a trial, for its sweep. */
  | { readonly type: 'resume'; readonly bySweep?: boolean };

export type JobStep =
  | (Pick<JobStanding, 'state' | 'attempt' | 'deaths' | 'stops'> & { readonly reason: string })
  | {
      readonly refused: 'job-ended' | 'other-run' | 'cancelling' | 'not-running' | 'not-resumable';
      readonly reason: string;
    };

/** Where a change leads from here, or why it may not happen. `docs/jobs.md` draws it. */
export function changeJob(job: JobStanding, change: JobChange): JobStep {
  const { state } = job;
  const to = (next: JobState, reason: string, counts: Partial<JobStanding> = {}): JobStep => {
    const { attempt, deaths, stops } = { ...job, ...counts };
    return { state: next, reason, attempt, deaths, stops };
  };
  if (change.type === 'resume') return resume(job, to, change.bySweep);
  if (hasEnded(state)) return { refused: 'job-ended', reason: `The job has ended: it is ${state}.` };
  switch (change.type) {
    case 'claim':
      if (change.runId !== job.runId) return { refused: 'other-run', reason: 'Another run has taken this job over.' };
      if (state === 'cancelling') return { refused: 'cancelling', reason: 'The job was cancelled before it began.' };
      return to('running', 'A container works on it.');
    case 'cancel':
      // what it waits for has to end first
      if (state === 'queued' && job.kind === 'sweep') return to('cancelling', 'Its trials were asked to end.');
      if (state === 'queued') return to('cancelled', 'It was cancelled before it began.');
      return to('cancelling', 'It was asked to end and saves its work.');
    case 'succeed':
      if (state === 'queued') return notRunning;
      // a wish to cancel that came after the last step came too late
      return to('succeeded', 'It is done.');
    case 'refuse':
      return to('failed', change.reason);
    case 'stop':
      if (state === 'cancelling') return to('cancelled', change.reason);
      if (job.stops + 1 > limits.jobStopsMax)
        return to('failed', `It was stopped ${job.stops + 1} times, the last time: ${change.reason}`, {
          stops: job.stops + 1,
        });
      return to('queued', `It goes on: ${change.reason}`, { attempt: job.attempt + 1, stops: job.stops + 1 });
    case 'die': {
      if (state === 'cancelling') return to('cancelled', `It was cancelled: ${change.reason}`);
      const deaths = job.deaths + 1;
      if (deaths >= limits.jobDeathsMax)
        return to('failed', `Its container died ${deaths} times, the last time: ${change.reason}`, { deaths });
      return to('queued', `Its container died and it goes on in another: ${change.reason}`, {
        attempt: job.attempt + 1,
        deaths,
      });
    }
  }
}

/** Whether nothing more will happen to it unless somebody asks. */
export function hasEnded(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** What the platform starts by itself cannot go on: what it was for says what became of it, and is sent or added anew. */
export function isResumable({ kind, state, sweepId }: Pick<JobStanding, 'kind' | 'state' | 'sweepId'>): boolean {
  return canGoOn({ kind, state }) && !sweepId;
}

const canGoOn = ({ kind, state }: Pick<JobStanding, 'kind' | 'state'>): boolean =>
  (state === 'failed' || state === 'cancelled') && !isOfPlatform(kind);

/** Kinds of jobs that nobody asks for: a base that is added and an upload that is completed make them. */
export function isOfPlatform(kind: JobKind): boolean {
  return kind === 'import-base' || kind === 'validate-upload';
}

const notRunning: JobStep = { refused: 'not-running', reason: 'No container has claimed it.' };

function resume(
  job: JobStanding,
  to: (next: JobState, reason: string, counts: Partial<JobStanding>) => JobStep,
  bySweep = false,
): JobStep {
  if (bySweep ? canGoOn(job) : isResumable(job))
    return to('queued', 'It waits for a machine to go on.', { attempt: job.attempt + 1, deaths: 0, stops: 0 });
  if (canGoOn(job)) return { refused: 'not-resumable', reason: 'It is a trial: let its sweep go on.' };
  const reason =
    isOfPlatform(job.kind) && hasEnded(job.state)
      ? job.kind === 'import-base'
        ? 'An import does not go on: delete the base and add it again.'
        : 'A validation does not go on: send the files again.'
      : `Only a failed or cancelled job goes on; this one is ${job.state}.`;
  return { refused: 'not-resumable', reason };
}
