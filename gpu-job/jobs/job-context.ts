import type { JobEvent } from '../../shared/contract/job-events.ts';

/** What a job may know of the world around it. A job is `(spec, context) => Promise<report>`; the report is plain JSON. */
export interface JobContext {
  /** Tells what happens; never fails and never waits. */
  emit(event: JobEvent): void;
  /** Whether the job should save its work and end with `UnavailableError`. Asked often: between steps, tensors, rows. */
  stopRequested(): boolean;
  /** Machine time that is left of what the job may take; absent: no end. */
  secondsLeft?(): number;
  /** Milliseconds since some fixed moment, never going back. */
  now(): number;
}
