import { streamJobEvents as operation } from '../../shared/contract/jobs.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import { readStream } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { handler } from '../http/handler.ts';

/**
 * Everything after `Last-Event-ID`, then the end: a client asks again by itself. Where the deps give `follow`, the answer stays open and
 * goes on until the job has ended.
 */
export const streamJobEvents = handler(operation, async ({ world, follow }, { team }, { params }, headers) => {
  await getJobRecord(world.table, team, params.job);
  const lastId = headers.get('last-event-id') ?? '';
  const after = /^\d{1,12}$/.test(lastId) ? Number(lastId) : 0;
  const lines = eventLines(world, { team, jobId: params.job, after, ...(follow ? { follow } : {}) });
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await lines.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => void (await lines.return(undefined)),
  });
  const answerHeaders = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' };
  return new Response(body, { headers: answerHeaders });
});

interface Asked {
  readonly team: string;
  readonly jobId: string;
  readonly after: number;
  readonly follow?: (milliseconds: number) => Promise<void>;
}

async function* eventLines(world: Pick<World, 'table'>, asked: Asked): AsyncGenerator<string, undefined> {
  const { team, jobId, follow } = asked;
  let { after } = asked;
  yield `retry: ${limits.eventRetryMilliseconds}\n\n`;
  for (let quiet = 0; ; quiet++) {
    // looked at before the events: what is written with the end is then among them
    const { value } = await getJobRecord(world.table, team, jobId);
    const events = await readStream(world.table, team, jobId, { after, count: limits.metricRowsMax });
    for (const event of events) yield line(event);
    after = events.at(-1)?.id ?? after;
    if (events.length > 0) {
      quiet = 0;
      continue;
    }
    if (!follow || hasEnded(value.state)) return undefined;
    // a comment, so that whoever stands between does not close a silent connection
    if (quiet > 0 && quiet % looksBetweenComments === 0) yield ': still here\n\n';
    await follow(lookMilliseconds);
  }
}

const line = (event: JobStreamEvent): string => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;

const lookMilliseconds = 500;
const looksBetweenComments = 30;
