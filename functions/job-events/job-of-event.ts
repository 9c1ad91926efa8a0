import { z } from 'zod';

const ids = z.object({ job: z.string().min(1), team: z.string().min(1) });
const changed = z.object({ type: z.literal('run-changed'), jobId: z.string().min(1), team: z.string().min(1) });

const event = z.union([
  z.object({ source: z.literal('aws.batch'), detail: z.object({ parameters: ids }) }),
  z.object({ source: z.literal('lorary'), detail: changed }),
]);

export interface JobOfEvent {
  readonly team: string;
  readonly jobId: string;
}

/** The job that a state change of Batch, or an event of the platform, is about; undefined for what is about none of ours. */
export function jobOfEvent(value: unknown): JobOfEvent | undefined {
  const { data } = event.safeParse(value);
  if (!data) return undefined;
  if (data.source === 'lorary') return { team: data.detail.team, jobId: data.detail.jobId };
  const { team, job } = data.detail.parameters;
  return { team, jobId: job };
}
