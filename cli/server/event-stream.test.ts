import { expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { followJob, serverSentData } from './event-stream.ts';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('data is read across any cuts, of characters too', async () => {
  const whole = bytes(': hello\r\nid: 1\ndata: {"a":"é"}\n\nevent: x\ndata:one\ndata: two\n\n\ndata: lost');
  for (let size = 1; size <= whole.length; size++) {
    const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
      whole.slice(i * size, (i + 1) * size),
    );
    expect(await all(serverSentData(chunks))).toEqual(['{"a":"é"}', 'one\ntwo']);
  }
});

const line = (event: JobStreamEvent): string => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
const step = (id: number): JobStreamEvent => ({
  id,
  at: '2026-01-01T00:00:00Z',
  attempt: 1,
  event: { type: 'log', text: String(id) },
});
const end = (id: number): JobStreamEvent => ({
  ...step(id),
  event: { type: 'state', state: 'succeeded', reason: '' },
});

/** A server that answers each connection with the next of these texts, or refuses. */
function server(
  answers: (string | Error)[],
  states: readonly string[] = [],
): { api: ApiClient; asked: (string | null)[] } {
  const asked: (string | null)[] = [];
  const left = [...states];
  const api: ApiClient = {
    url: 'http://test',
    call: (operation) => {
      const state = left.shift();
      if (state === undefined) return Promise.reject(new UnavailableError('gone'));
      return Promise.resolve({ state } as OperationOutput<typeof operation>); // the job, of which only this is looked at
    },
    fetch(_, init) {
      asked.push(new Headers(init?.headers).get('last-event-id'));
      const answer = answers.shift() ?? new UnavailableError('gone');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(new Response(answer));
    },
  };
  return { api, asked };
}

const follow = (api: ApiClient, stop = new AbortController().signal): Promise<JobStreamEvent[]> =>
  all(followJob(api, 'job_1', { stop, wait: () => Promise.resolve() }));

test('what the server refuses ends it at once', async () => {
  const { api, asked } = server([new DomainError('not-found', 'There is no job.')]);
  await expect(follow(api)).rejects.toThrow('There is no job.');
  expect(asked).toHaveLength(1);
});

test('a server that stays away is given up, with how to go on', async () => {
  await expect(follow(server([]).api)).rejects.toThrow('lorary watch job_1');
});

test('a job that waits for a machine is followed for as long as that takes, where each look is answered at once', async () => {
  const looks = 200;
  const { api } = server(
    [...Array.from({ length: looks }, () => ''), line(end(1))],
    Array.from({ length: looks }, () => 'queued').concat('succeeded'),
  );
  expect((await follow(api)).map(({ id }) => id)).toEqual([1]);
});

test('after a break it goes on behind the last event, each comes once, and an end of before a resumption is none', async () => {
  const { api, asked } = server(
    [
      line(step(1)) + line(step(2)) + 'data: {"id":3,',
      new UnavailableError('busy'),
      line(step(2)) + line(step(3)),
      line(end(4)) + line(step(5)) + line(end(6)),
    ],
    ['running', 'running', 'succeeded'],
  );
  expect((await follow(api)).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(asked).toEqual([null, '2', '2', '3']);
});

test('a stop ends it without an error', async () => {
  const controller = new AbortController();
  const { api } = server([line(step(1))]);
  const seen: number[] = [];
  for await (const { id } of followJob(api, 'job_1', { stop: controller.signal, wait: () => Promise.resolve() })) {
    seen.push(id);
    controller.abort();
  }
  expect(seen).toEqual([1]);
});
