import { parentPort, workerData } from 'node:worker_threads';
import type { JobEvent } from '../shared/contract/job-events.ts';
import type { Spec } from '../shared/contract/specs/parse-spec.ts';
import { invariant } from '../shared/errors.ts';
import { failureOf, type JobFailure } from '../shared/platform/job-failure.ts';
import type { JobContext } from './jobs/job-context.ts';
import { runSpec } from './jobs/run-spec.ts';

/** What the supervisor gives to the thread that runs a job. */
export interface JobThreadData {
  readonly spec: Spec;
  /** One Int32: 1 when the job should save its work and end. */
  readonly stopFlag: SharedArrayBuffer;
  /** Machine time from the start of the thread on; absent: any. */
  readonly secondsMax?: number | undefined;
}

/** What the thread says to its supervisor. */
export type JobThreadMessage =
  | { readonly type: 'event'; readonly event: JobEvent }
  | { readonly type: 'done'; readonly report: unknown }
  | { readonly type: 'failed'; readonly failure: JobFailure };

// Sessions block their thread while they run; this one, so that the supervisor's never is.
const port = parentPort;
invariant(port, 'this file runs in a thread');
const { spec, stopFlag, secondsMax } = workerData as JobThreadData; // given by main.ts
const flag = new Int32Array(stopFlag);
const send = (message: JobThreadMessage): void => port.postMessage(message);
const context: JobContext = {
  emit: (event) => send({ type: 'event', event }),
  stopRequested: () => Atomics.load(flag, 0) === 1,
  // a thread's clock begins with it
  ...(secondsMax === undefined ? {} : { secondsLeft: () => secondsMax - performance.now() / 1000 }),
  now: () => performance.now(),
};
try {
  send({ type: 'done', report: await runSpec(spec, context) });
} catch (error) {
  send({ type: 'failed', failure: failureOf(error) });
}
