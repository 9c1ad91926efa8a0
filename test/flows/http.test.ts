import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type RunningServer } from '../../functions/dev-server/start-server.ts';
import { getBase, listBaseFiles, type Base } from '../../shared/contract/bases.ts';
import { createApiClient, type ApiClient, type CallInput } from '../../shared/contract/api-client.ts';
import { createComposition } from '../../shared/contract/compositions.ts';
import { createDataset, getDataset } from '../../shared/contract/datasets.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { createJob, getJob, listMetrics, listSamples, type Job } from '../../shared/contract/jobs.ts';
import { createKey, revokeKey } from '../../shared/contract/keys.ts';
import { completeUpload } from '../../shared/contract/uploads.ts';
import { getVersion, listVersionFiles, type Version } from '../../shared/contract/versions.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { announce, pushVersion, sendFiles, sha256Hex, tinyAdapter, type NamedBytes } from '../support/send-upload.ts';

// Everything over the network: a server with its jobs as processes, and nothing of it but its address and its first key.
let folder: string;
let server: RunningServer;
let client: ApiClient;
const web = { fetch: (url: string | URL | Request, init?: RequestInit) => fetch(url, init) };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-http-'));
  const environment = { PATH: process.env['PATH'], TMPDIR: tmpdir(), LORARY_JOB_THREADS: '1' };
  server = await startServer({ folder: join(folder, 'data'), port: 0, environment, current: folder });
  client = createApiClient({
    url: server.url,
    key: server.key ?? '',
    newId: () => crypto.randomUUID(),
    wait: (milliseconds) => wait(milliseconds),
  });
  await settled(
    () => client.call(getBase, { params: { base: 'tiny' } }),
    ({ state }) => state !== 'importing',
  );
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function settled<T>(ask: () => Promise<T>, isSettled: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isSettled(answer)) return answer;
    await wait(50);
  }
}

const looked = (adapter: string, { id }: Version): Promise<Version> =>
  settled(
    () => client.call(getVersion, { params: { adapter, version: id } }),
    ({ state }) => state !== 'validating',
  );

/** Starts a job and waits for its end. */
async function run(body: CallInput<typeof createJob>['body']): Promise<Job> {
  const { job } = await client.call(createJob, { body });
  return settled(
    () => client.call(getJob, { params: { job: job?.id ?? '' } }),
    ({ state }) => hasEnded(state),
  );
}

test('upload: what is unsound is refused with every reason, and what is sound comes back byte for byte', async () => {
  const files = await tinyAdapter();
  const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json'])) as object;
  const broken: NamedBytes = { ...files, 'adapter_config.json': Buffer.from(JSON.stringify({ ...config, r: 3 })) };
  const rejected = await looked('broken', await pushVersion(web, client, 'broken', { files: broken, base: 'tiny' }));
  expect(rejected).toMatchObject({ state: 'rejected', version: null });
  expect(rejected.findings.filter(({ severity }) => severity === 'error').length).toBeGreaterThan(0);

  const pushed = await looked('french', await pushVersion(web, client, 'french', { files, base: 'tiny' }));
  expect(pushed).toMatchObject({ state: 'published', version: 1, aliases: ['latest'] });
  const back = await client.call(listVersionFiles, { params: { adapter: 'french', version: 'latest' } });
  for (const { path, url, headers, sha256 } of back.files) {
    const bytes = new Uint8Array(await (await fetch(url, { headers })).arrayBuffer());
    expect(sha256Hex(bytes)).toBe(sha256);
    expect(Buffer.from(bytes).equals(files[path] ?? Buffer.alloc(0)), path).toBe(true);
  }
  expect(back.files).toHaveLength(2);
});

test('train: rows that are sent become a version, followed by events until the end', async () => {
  const rows = Array.from({ length: 8 }, (_, i) => JSON.stringify({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  const files = { 'sums.jsonl': Buffer.from(rows.join('\n')) };
  const [file] = announce(files);
  if (!file) throw new Error('there is one');
  const { upload } = await client.call(createDataset, { body: { name: 'sums', file } });
  await sendFiles(web, client, upload, files);
  await client.call(completeUpload, { params: { upload: upload.id } });
  const dataset = await settled(
    () => client.call(getDataset, { params: { dataset: 'sums' } }),
    ({ state }) => state !== 'validating',
  );
  expect(dataset).toMatchObject({ state: 'ready', rows: 8, format: 'prompt-completion' });

  const body = { kind: 'train', base: 'tiny', dataset: 'sums', output: { adapter: 'sums' }, steps: 2 } as const;
  const samples = { prompts: [{ prompt: '1 + 1 =' }], maxNewTokens: 4 };
  const { job } = await client.call(createJob, { body: { ...body, batch: { rows: 4 }, samples } });
  const params = { job: job?.id ?? '' };
  const stream = await client.fetch(`/v1/jobs/${params.job}/events`);
  const events = [...(await stream.text()).matchAll(/^data: (.*)$/gm)].map(
    ([, data]) => JSON.parse(data ?? '') as JobStreamEvent,
  );
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
  expect(events.at(-1)?.event).toMatchObject({ type: 'state', state: 'succeeded' });
  const done = await client.call(getJob, { params });
  expect(done).toMatchObject({ state: 'succeeded', attempt: 1, output: { adapter: 'sums', version: 1 } });
  const { rows: metrics } = await client.call(listMetrics, { params, query: { afterStep: 1 } });
  expect(metrics).toMatchObject([{ step: 2, loss: expect.any(Number) as number }]);
  expect((await client.call(listSamples, { params })).samples.length).toBeGreaterThan(0);
});

test('compose: a recipe of what was sent and what was trained becomes a version that names both', async () => {
  const members = [{ adapter: 'french', weight: 0.5 }, { adapter: 'sums' }];
  await client.call(createComposition, { body: { name: 'both', type: 'cat', members } });
  const done = await run({ kind: 'compose', composition: 'both', output: { adapter: 'both' } });
  expect(done).toMatchObject({ state: 'succeeded', output: { adapter: 'both', version: 1 } });
  const { lineage } = await client.call(getVersion, { params: { adapter: 'both', version: '1' } });
  expect(lineage.parents).toMatchObject([
    { adapter: 'french', version: 1, weight: 0.5 },
    { adapter: 'sums', version: 1, weight: 1 },
  ]);
});

test('merge: a version becomes a base that needs no adapter', async () => {
  const done = await run({ kind: 'merge', adapter: 'both', output: { base: 'whole' } });
  expect(done).toMatchObject({ state: 'succeeded', output: { base: 'whole' } });
  const ask = (base: string): Promise<Base> => client.call(getBase, { params: { base } });
  const [whole, tiny] = [await ask('whole'), await ask('tiny')];
  expect(whole).toMatchObject({ state: 'ready', parameters: tiny.parameters, lineage: { origin: 'merge' } });
  expect(whole.sha256).not.toBe(tiny.sha256);
  const { files } = await client.call(listBaseFiles, { params: { base: 'whole' } });
  for (const { url, headers, sha256 } of files)
    expect(sha256Hex(new Uint8Array(await (await fetch(url, { headers })).arrayBuffer()))).toBe(sha256);
});

test('denied: without a key, with a wrong one, without the scope, after its end; each by its own problem', async () => {
  const ask = async (path: string, key?: string, init: RequestInit = {}): Promise<[number, unknown]> => {
    const headers = { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) };
    const response = await fetch(`${server.url}${path}`, { ...init, headers });
    const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
    return [response.status, isProblem ? ((await response.json()) as { code: string }).code : undefined];
  };
  expect(await ask('/v1/adapters')).toEqual([401, 'unauthenticated']);
  const wrong = `${server.key?.slice(0, -1)}${server.key?.endsWith('x') ? 'y' : 'x'}`;
  expect(await ask('/v1/adapters', wrong)).toEqual([401, 'unauthenticated']);
  const { key, secret } = await client.call(createKey, { body: { name: 'reader', scopes: ['adapters:read'] } });
  expect(await ask('/v1/adapters', secret ?? '')).toEqual([200, undefined]);
  const job = { method: 'POST', body: JSON.stringify({ kind: 'export', format: 'peft', adapter: 'french' }) };
  expect(await ask('/v1/jobs', secret ?? '', job)).toEqual([403, 'missing-scope']);
  expect(await ask('/v1/jobs', server.key, { ...job, body: '{"kind":"export"}' })).toEqual([400, 'invalid-request']);
  await client.call(revokeKey, { params: { key: key.id } });
  expect(await ask('/v1/adapters', secret ?? '')).toEqual([401, 'unauthenticated']);
});
