import { exitCodes, withStopSignals } from '../../gpu-job/main.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { getJob, type Job } from '../../shared/contract/jobs.ts';
import type { CommandIo } from '../command.ts';
import { progressView, type ProgressView } from '../progress-view.ts';
import { endStates, followJob } from './event-stream.ts';
import { tellJobEnd } from './tell-job-end.ts';

/** Shows a job as it runs; `whenDone` follows its success and tells in which folder the result then is. Ctrl-C leaves it running and says so. Resolves to the exit code. */
export async function watchJob(
  api: ApiClient,
  jobId: string,
  json: boolean,
  io: CommandIo,
  whenDone?: (job: Job) => Promise<string>,
): Promise<number> {
  const view = progressView(io.screen);
  const follow = async (stop: AbortSignal): Promise<void> => {
    const onLost = (seconds: number): void => {
      if (!json) view.note(`no news from the server; asking again in ${Math.ceil(seconds)} s`);
    };
    for await (const event of followJob(api, jobId, { stop, onLost })) if (!json) show(view, event);
  };
  try {
    await withStopSignals(follow, () => {});
  } finally {
    view.end();
  }
  const job = await api.call(getJob, { params: { job: jobId } });
  const place = job.state === 'succeeded' ? await whenDone?.(job) : undefined;
  if (endStates.has(job.state)) return tellJobEnd(job, json, io, place);
  if (json) io.print(JSON.stringify({ job }));
  io.note(
    `${jobId} goes on without you.\nWatch it again with: lorary watch ${jobId}\nEnd it with: lorary cancel ${jobId}`,
  );
  return exitCodes.retry;
}

function show(view: ProgressView, { event }: JobStreamEvent): void {
  if (event.type === 'state') {
    if (!endStates.has(event.state)) view.note(`${event.state}${event.reason === '' ? '' : `: ${event.reason}`}`);
  } else if (event.type !== 'log') view.show(event);
}
