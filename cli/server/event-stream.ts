import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getJob } from '../../shared/contract/jobs.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { UnavailableError } from '../../shared/errors.ts';

export interface FollowOptions {
  readonly stop: AbortSignal;
  /** Told when the connection broke and is tried again. */
  readonly onLost?: (seconds: number) => void;
  readonly wait?: (milliseconds: number) => Promise<void>;
}

/**
 * Events of a job from its first one, in order and each once, until its state is an end or `stop` comes. A connection that closes or breaks
 * is opened again after the last event seen; a job may wait for its machine for as long as it takes. Rejects with `UnavailableError` after
 * `failuresMax` tries in a row that the server did not answer, and with what it refuses.
 */
export async function* followJob(
  api: ApiClient,
  jobId: string,
  options: FollowOptions,
): AsyncGenerator<JobStreamEvent> {
  const { stop, onLost, wait = (milliseconds) => delay(milliseconds) } = options;
  let last = 0;
  let failures = 0;
  for (let silent = 0; failures <= failuresMax; silent++) {
    if (silent > 0) {
      const seconds = Math.min(failures > 0 ? 10 : quietSecondsMax, 0.25 * 2 ** silent);
      if (failures > 1) onLost?.(seconds);
      await wait(seconds * 1000);
    }
    try {
      for await (const event of streamOnce(api, jobId, last, stop)) {
        if (event.id <= last) continue;
        last = event.id;
        silent = 0;
        failures = 0;
        yield event;
        // a job that was resumed has an end among its past
        if (event.event.type === 'state' && endStates.has(event.event.state) && (await hasEnded(api, jobId))) return;
      }
      failures = 0;
    } catch (error) {
      if (stop.aborted) return;
      if (!(error instanceof UnavailableError) && !isBroken(error)) throw error;
      failures += 1;
    }
    if (stop.aborted || (silent > 0 && (await hasEnded(api, jobId)))) return;
  }
  throw new UnavailableError(`The events of ${jobId} cannot be read any more; go on with: lorary watch ${jobId}`);
}

export const endStates: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);

/** About a minute: a server that restarts takes seconds. */
const failuresMax = 10;
/** Between two looks at a server that answers at once, as on AWS, when nothing has happened. */
const quietSecondsMax = 4;

/** Whether a stream that says nothing more belongs to a job that is over. */
async function hasEnded(api: ApiClient, jobId: string): Promise<boolean> {
  try {
    return endStates.has((await api.call(getJob, { params: { job: jobId } })).state);
  } catch (error) {
    if (error instanceof UnavailableError) return false;
    throw error;
  }
}

async function* streamOnce(
  api: ApiClient,
  jobId: string,
  last: number,
  stop: AbortSignal,
): AsyncGenerator<JobStreamEvent> {
  const headers = { accept: 'text/event-stream', ...(last > 0 ? { 'last-event-id': String(last) } : {}) };
  const response = await api.fetch(`/v1/jobs/${encodeURIComponent(jobId)}/events`, { headers, signal: stop });
  for await (const data of serverSentData(response.body ?? [])) yield JSON.parse(data) as JobStreamEvent; // what the contract says of this stream
}

/** The data of each event of a `text/event-stream`; comments and other fields are passed over. */
export async function* serverSentData(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let [rest, data] = ['', [] as string[]];
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
      if (line === '' && data.length > 0) {
        yield data.join('\n');
        data = [];
      }
    }
  }
}

/** What `fetch` rejects with, and its body, when a connection breaks. */
const isBroken = (error: unknown): boolean =>
  error instanceof TypeError || (error instanceof Error && 'code' in error && error.code === 'UND_ERR_SOCKET');
