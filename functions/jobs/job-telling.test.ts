import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { createJob, listLogs, listMetrics, listSamples } from '../../shared/contract/jobs.ts';
import { limits } from '../../shared/limits.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { appendToStream } from '../../shared/records/job-stream.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import { streamStep } from '../../test/support/stream-step.ts';

// What a job tells while it runs: the test is its container, and says what it likes.
let api: LocalApi;
let client: ApiClient;
let key = '';
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  key = await api.key('blue');
  await putReadyBase(api.world, 'blue');
  await storeDataset(api.world, api.caller(), 'sums', [{ prompt: '1 + 1 =', completion: ' 2' }]);
});
afterAll(() => api.close());

type Content = JobStreamEvent['event'];

interface Running {
  readonly jobId: string;
  readonly say: (...contents: Content[]) => Promise<void>;
  readonly succeed: () => Promise<unknown>;
}

/** A job that a container has claimed; the events 1 and 2 say so. */
async function running(): Promise<Running> {
  const body = { kind: 'train', base: 'tiny', dataset: 'sums', output: { adapter: 'mine' } } as const;
  const { job } = await client.call(createJob, { body });
  const jobId = job?.id ?? '';
  const { value } = await getJobRecord(api.world.table, 'blue', jobId);
  const { fence } = await changeJobRecord(api.world, api.caller(), jobId, { type: 'claim', runId: value.runId });
  return {
    jobId,
    say: (...contents) => appendToStream(api.world, fence, 1, contents),
    succeed: () => changeJobRecord(api.world, api.caller(), jobId, { type: 'succeed' }, { fence }),
  };
}

const log = (text: string): Content => ({ type: 'log', text });
const step = (at: number): Content => streamStep(at, at);
const sample = (at: number, prompt: string, text: string): Content => ({ type: 'sample', step: at, prompt, text });

async function listen(jobId: string, lastEventId?: string): Promise<Response> {
  const headers = {
    authorization: `Bearer ${key}`,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  return api.fetch(`http://127.0.0.1:7411/v1/jobs/${jobId}/events`, { headers });
}

const eventsIn = (text: string): JobStreamEvent[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as JobStreamEvent);
const idsIn = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

/** The deps of a server that may keep an answer open; each look at the job is followed by the next of `steps`. */
async function following<T>(steps: readonly (() => Promise<unknown>)[], work: () => Promise<T>): Promise<T> {
  const left = [...steps];
  Object.assign(api.deps, { follow: async () => void (await left.shift()?.()) });
  try {
    return await work();
  } finally {
    Object.assign(api.deps, { follow: undefined });
  }
}

test('events come after the last id that a client has; the answer ends with what there is and says when to ask again', async () => {
  const { jobId, say } = await running();
  await say(log('one'));
  const response = await listen(jobId);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(response.headers.get('cache-control')).toBe('no-store');
  const text = await response.text();
  expect(text.startsWith(`retry: ${limits.eventRetryMilliseconds}\n\n`)).toBe(true);
  expect(limits.eventRetryMilliseconds).toBe(3000);
  expect(idsIn(text)).toEqual([1, 2, 3]);
  await say(log('two'), log('three'));
  expect(eventsIn(await (await listen(jobId, '3')).text())).toMatchObject([
    { id: 4, event: log('two') },
    { id: 5, event: log('three') },
  ]);
  // within a batch that was written at once, too
  expect(idsIn(await (await listen(jobId, '4')).text())).toEqual([5]);
  expect(await (await listen(jobId, '5')).text()).toBe('retry: 3000\n\n');
});

test('an id that is none counts as none', async () => {
  const { jobId } = await running();
  for (const id of ['', 'x', '-1', '1e3', '1'.repeat(13)])
    expect(idsIn(await (await listen(jobId, id)).text())).toEqual([1, 2]);
});

test('where an answer may stay open, it goes on after the last id until the job has ended', async () => {
  const { jobId, say, succeed } = await running();
  const steps = [() => say(log('later')), async () => undefined, succeed];
  const text = await following(steps, async () => (await listen(jobId, '1')).text());
  expect(eventsIn(text)).toMatchObject([
    { id: 2, event: { state: 'running' } },
    { id: 3, event: log('later') },
    { id: 4, event: { state: 'succeeded' } },
  ]);
  expect(text.startsWith('retry: 3000\n\n')).toBe(true);
  // of a job that has ended there is nothing to wait for
  expect(await following([], async () => (await listen(jobId, '4')).text())).toBe('retry: 3000\n\n');
});

test('an open answer that has nothing to tell says that it is there', async () => {
  const { jobId, succeed } = await running();
  const quiet = Array.from({ length: 30 }, () => async () => undefined);
  const text = await following([...quiet, succeed], async () => (await listen(jobId, '2')).text());
  expect(text.match(/^: .*$/gm)).toEqual([': still here']);
  expect(idsIn(text)).toEqual([3]);
});

test('a listener that leaves is not followed any more', async () => {
  const { jobId } = await running();
  let looks = 0;
  const look = async (): Promise<void> => void looks++;
  await following(
    Array.from({ length: 1000 }, () => look),
    async () => {
      const reader = (await listen(jobId)).body?.getReader();
      await reader?.read();
      await reader?.cancel();
      const after = looks;
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(looks).toBeLessThanOrEqual(after + 1);
    },
  );
});

test('logs are what a job has said, page by page', async () => {
  const { jobId, say } = await running();
  for (const text of ['one', 'two', 'three']) await say(log(text));
  const params = { job: jobId };
  const first = await client.call(listLogs, { params, query: { limit: 4 } });
  expect(first).toMatchObject({ more: true, lines: [{ id: 1 }, { id: 2 }, { text: 'one' }, { text: 'two' }] });
  expect(await client.call(listLogs, { params, query: { after: first.lines.at(-1)?.id ?? 0 } })).toMatchObject({
    more: false,
    lines: [{ text: 'three' }],
  });
});

test('metrics come after a step, bounded, and say whether there is more', async () => {
  const { jobId, say } = await running();
  await say({ type: 'eval', step: 0, loss: 9, tokenAccuracy: 0 }, step(1), step(2));
  await say(step(3), { type: 'eval', step: 3, loss: 3, tokenAccuracy: 1 }, step(4));
  const params = { job: jobId };
  const stepsOf = async (query: { afterStep?: number; limit?: number }): Promise<[number[], boolean]> => {
    const { rows, more } = await client.call(listMetrics, { params, query });
    return [rows.map((row) => row.step), more];
  };
  expect(await stepsOf({})).toEqual([[0, 1, 2, 3, 3, 4], false]);
  expect(await stepsOf({ limit: 2 })).toEqual([[0, 1], true]);
  // what belongs to one step is not parted, or its evaluation would be lost to who goes on after it
  expect(await stepsOf({ limit: 4 })).toEqual([[0, 1, 2, 3, 3], true]);
  expect(await stepsOf({ afterStep: 1, limit: 3 })).toEqual([[2, 3, 3], true]);
  expect(await stepsOf({ afterStep: 2, limit: 3 })).toEqual([[3, 3, 4], false]);
  expect(await stepsOf({ afterStep: 4 })).toEqual([[], false]);
  const { rows } = await client.call(listMetrics, { params, query: { afterStep: 2 } });
  expect(rows).toMatchObject([{ loss: 3, learningRate: 1 }, { evalLoss: 3, evalTokenAccuracy: 1 }, { loss: 4 }]);
  for (const query of [{ limit: 0 }, { limit: limits.metricRowsMax + 1 }, { afterStep: -2 }])
    await expect(client.call(listMetrics, { params, query })).rejects.toMatchObject({ code: 'invalid-request' });
});

test('samples come by step; of one that was written twice the last counts', async () => {
  const { jobId, say } = await running();
  await say(sample(2, 'a', 'late'), sample(0, 'a', 'first'), sample(0, 'b', 'other'));
  await say(sample(2, 'a', 'again'));
  expect((await client.call(listSamples, { params: { job: jobId } })).samples).toEqual([
    { step: 0, prompt: 'a', text: 'first' },
    { step: 0, prompt: 'b', text: 'other' },
    { step: 2, prompt: 'a', text: 'again' },
  ]);
});
