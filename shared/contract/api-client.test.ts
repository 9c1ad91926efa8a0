import { expect, test } from 'vitest';
import { createAdapter, deleteAlias, listAdapters } from './adapters.ts';
import { ApiError, createApiClient, UnreachableError, type ApiClient } from './api-client.ts';
import { cancelJob } from './jobs.ts';
import { signUploadParts } from './uploads.ts';

interface Sent {
  readonly request: Request;
  readonly body: string;
}

/** A client whose server gives these answers, one after another; what it was sent is kept. */
function clientOf(...answers: (Response | Error)[]): { api: ApiClient; sent: Sent[] } {
  const sent: Sent[] = [];
  const api = createApiClient({
    url: 'http://lorary.test',
    key: 'lry_k_s',
    newId: () => `id${sent.length}`,
    wait: () => Promise.resolve(),
    async fetch(url, init) {
      const request = new Request(url, init);
      sent.push({ request, body: await request.clone().text() });
      const answer = answers.shift() ?? new TypeError('no answer');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { api, sent };
}

const problem = (status: number, code: string): Response =>
  Response.json(
    { type: 'about:blank', title: 'T', status, code, detail: `about ${code}`, requestId: 'req_1' },
    { status },
  );

test('a refusal comes in the words of the server, of a stream too', async () => {
  const refused = { status: 404, code: 'not-found', message: 'about not-found', requestId: 'req_1' };
  await expect(clientOf(problem(404, 'not-found')).api.call(listAdapters, {})).rejects.toMatchObject(refused);
  await expect(clientOf(problem(404, 'not-found')).api.fetch('/v1/jobs/x/events')).rejects.toMatchObject(refused);
});

test('an answer that is none of ours is shown, cut', async () => {
  const strange = clientOf(new Response('x'.repeat(1000), { status: 404 })).api.call(listAdapters, {});
  const error: unknown = await strange.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).message).toMatch(/^The server answered 404: x{200}$/);
});

test('what may not be done twice is tried once', async () => {
  const { api, sent } = clientOf(problem(503, 'unavailable'));
  await expect(api.call(cancelJob, { params: { job: 'job_1' } })).rejects.toMatchObject({ status: 503 });
  expect(sent).toHaveLength(1);
});

/** An answer of which the line gives a half. */
const cut = (body: unknown): Response => {
  const bytes = Buffer.from(JSON.stringify(body));
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes.subarray(0, bytes.length / 2)),
    pull: (controller) => controller.error(new TypeError('terminated')),
  });
  return new Response(stream);
};

test('an answer that breaks off has not come, and what may be asked twice is asked again', async () => {
  const page = { items: [] };
  const { api, sent } = clientOf(cut(page), Response.json(page));
  expect(await api.call(listAdapters, {})).toEqual(page);
  expect(sent).toHaveLength(2);
  const once = clientOf(cut({}), Response.json({}));
  await expect(once.api.call(cancelJob, { params: { job: 'job_1' } })).rejects.toBeInstanceOf(UnreachableError);
  expect(once.sent).toHaveLength(1);
});

test('parts are signed and an upload is completed however often that is asked', async () => {
  const { api, sent } = clientOf(problem(503, 'unavailable'), new TypeError('broken'), Response.json({ parts: [] }));
  const part = { number: 1, sizeBytes: 1, sha256: '0'.repeat(64) };
  const input = { params: { upload: 'upl_1' }, body: { path: 'a', parts: [part] } };
  expect(await api.call(signUploadParts, input)).toEqual({ parts: [] });
  expect(sent).toHaveLength(3);
});

test('a busy or silent server is asked again, for a creation with the same Idempotency-Key, and given up in the end', async () => {
  const { api, sent } = clientOf(problem(503, 'unavailable'), new TypeError('broken'), problem(409, 'name-taken'));
  const body = { name: 'french', base: 'tiny' };
  await expect(api.call(createAdapter, { body })).rejects.toMatchObject({ code: 'name-taken' });
  expect(sent.map(({ request }) => request.headers.get('idempotency-key'))).toEqual(['id0', 'id0', 'id0']);
  expect(sent.map((one) => one.body)).toEqual(Array(3).fill(JSON.stringify(body)));
  const silent = clientOf();
  await expect(silent.api.call(listAdapters, {})).rejects.toBeInstanceOf(UnreachableError);
  expect(silent.sent).toHaveLength(4);
});

test('a call that was given up by its caller is told as that', async () => {
  const stop = AbortSignal.abort(new Error('enough'));
  await expect(clientOf(new Error('enough')).api.fetch('/v1/me', { signal: stop })).rejects.toThrow('enough');
});

test('params and query stand in the address as text, and nothing is read from an empty answer', async () => {
  const { api, sent } = clientOf(Response.json({ items: [] }), new Response(null, { status: 204 }));
  expect(await api.call(listAdapters, { query: { limit: 5, text: 'a b&c' } })).toEqual({ items: [] });
  expect(await api.call(deleteAlias, { params: { adapter: 'a/b', alias: 'x' } })).toBeUndefined();
  expect(sent.map(({ request }) => new URL(request.url).href.replace('http://lorary.test', ''))).toEqual([
    '/v1/adapters?limit=5&text=a+b%26c',
    '/v1/adapters/a%2Fb/aliases/x',
  ]);
  expect(sent[0]?.request.headers.get('authorization')).toBe('Bearer lry_k_s');
});
