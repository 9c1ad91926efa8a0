import type { JobState } from './jobs.ts';
import type { JobEvent } from './job-events.ts';

/** One line of a job's stream. Its id grows by one with each, across attempts. */
export interface JobStreamEvent {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly attempt: number;
  readonly event:
    | JobEvent
    | { readonly type: 'state'; readonly state: JobState; readonly reason: string }
    | { readonly type: 'log'; readonly text: string };
}
