import type { Finding } from '../../shared/errors.ts';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { JobContext } from '../../gpu-job/jobs/job-context.ts';

/** A context that remembers what a job tells; `stopAfter` events it asks the job to stop. */
export function rememberingContext(stopAfter = Infinity): JobContext & { events: JobEvent[]; warnings(): Finding[] } {
  const events: JobEvent[] = [];
  return {
    events,
    emit: (event) => void events.push(event),
    stopRequested: () => events.length >= stopAfter,
    now: () => performance.now(),
    warnings: () => events.flatMap((event) => (event.type === 'finding' ? [event.finding] : [])),
  };
}
