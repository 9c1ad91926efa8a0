import type { CallInput } from '../../../shared/contract/api-client.ts';
import { cancelJob, createJob, getJob, resumeJob, type Job } from '../../../shared/contract/jobs.ts';
import type { Worker } from '../client.ts';

type Request = CallInput<typeof createJob>['body'];

/** Runs jobs of every kind, one after the other; cancels some and lets some of those go on. */
export async function workOnJobs(worker: Worker, name: string): Promise<void> {
  for (let i = 1; !worker.isOver(); i++) {
    const body = requestOf(worker, `${name}-${i}`);
    const made = await worker.surely((api, key) => api.call(createJob, { body, ...key }));
    const job = made.kind === 'done' ? made.answer.job : null;
    if (!job) {
      // there is nothing to compose, merge or export yet
      await worker.pause(500);
      continue;
    }
    worker.note({ kind: 'job', jobId: job.id, jobKind: job.kind });
    const requestId = made.kind === 'done' ? made.requestId : null;
    worker.note({ kind: 'change', action: 'job.create', resource: `jobs/${job.id}`, requestId });
    if (worker.random() < 0.35) await cancel(worker, job);
    await waitForEnd(worker, job);
  }
}

function requestOf(worker: Worker, name: string): Request {
  const adapter = worker.pick(['shared-a', 'shared-b']);
  const evaluate = { kind: 'evaluate', base: 'tiny', dataset: 'sums', rowsMax: 4 } as const;
  return worker.pick<Request>([
    train,
    train,
    worker.random() < 0.5 ? evaluate : { ...evaluate, adapter },
    { kind: 'compose', composition: 'both', output: { adapter: 'composed' } },
    { kind: 'merge', adapter, output: { base: `merged-${name}` } },
    { kind: 'export', adapter, format: worker.pick(['peft', 'gguf', 'flattened']) },
  ]);
}

const train: Request = {
  kind: 'train',
  base: 'tiny',
  dataset: 'sums',
  method: { kind: 'lora', config: { r: 2 } },
  steps: 30,
  batch: { rows: 4, microBatchTokens: 48, packTokens: 32 },
  optimizer: { learningRate: 0.01 },
  checkpoint: { everySeconds: 0.2 },
  output: { adapter: 'trained' },
};

async function cancel(worker: Worker, { id }: Job): Promise<void> {
  await worker.pause(3000);
  const params = { job: id };
  const asked = await worker.surely((api) => api.call(cancelJob, { params }));
  if (asked.kind !== 'done') return;
  const requestId = asked.requestId;
  worker.note({ kind: 'change', action: 'job.cancel', resource: `jobs/${id}`, requestId });
  if (worker.random() < 0.4) return;
  const ended = await lookUntilEnd(worker, id);
  if (ended?.state !== 'cancelled') return;
  const resumed = await worker.surely((api) => api.call(resumeJob, { params }));
  // a repeated call finds it queued or running, and is refused
  if (resumed.kind === 'unknown' || (resumed.kind === 'refused' && !resumed.repeated)) return;
  worker.note({ kind: 'job-resumed', jobId: id });
}

/** What a job ended with is a promise unless somebody lets it go on. */
async function waitForEnd(worker: Worker, { id }: Job): Promise<void> {
  const ended = await lookUntilEnd(worker, id);
  if (!ended) return;
  worker.note({ kind: 'job-ended', jobId: id, state: ended.state, output: ended.output });
  if (ended.state === 'failed') worker.bug(`${ended.kind} ${id} failed: ${ended.reason}`);
}

async function lookUntilEnd(worker: Worker, jobId: string): Promise<Job | undefined> {
  while (!worker.isOver()) {
    const shown = await worker.surely((api) => api.call(getJob, { params: { job: jobId } }));
    if (shown.kind === 'refused') worker.bug(`the job ${jobId} is not shown: ${shown.error.message}`);
    if (shown.kind !== 'done') return undefined;
    if (['succeeded', 'failed', 'cancelled'].includes(shown.answer.state)) return shown.answer;
    await worker.pause(1000);
  }
  return undefined;
}
