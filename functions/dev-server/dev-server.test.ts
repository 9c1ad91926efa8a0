import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { baseFolders, examplesFolder } from './base-folders.ts';
import { jobCommand } from './job-command.ts';
import { startServer, type RunningServer } from './start-server.ts';

let folder: string;
let server: RunningServer;
const start = (port = 0, given: { readonly newKey?: boolean } = {}): Promise<RunningServer> =>
  startServer({
    folder: join(folder, 'data'),
    port,
    environment: {},
    current: folder,
    commandOf: () => ({ command: process.execPath, args: ['-e', ''], env: {} }),
    log: () => undefined,
    ...given,
  });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-server-'));
  server = await start();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** `fetch` sets Host itself, so this goes by `node:http`. */
const status = (headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const sent = request(`${server.url}/v1/me`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject).end();
  });
const authorization = (): string => `Bearer ${server.key}`;

test('answers neither another name nor the page of another site, whatever their key', async () => {
  const port = new URL(server.url).port;
  expect(await status({ authorization: authorization(), host: `evil.example:${port}` })).toBe(403);
  expect(await status({ authorization: authorization(), host: '127.0.0.1' })).toBe(403);
  expect(await status({ authorization: authorization(), origin: 'http://evil.example' })).toBe(403);
  expect(await status({ authorization: authorization(), origin: 'null' })).toBe(403);
  expect(await status({ authorization: authorization(), origin: server.url })).toBe(200);
  expect(await status({ authorization: authorization(), host: `localhost:${port}` })).toBe(200);
});

test('one server has the folder, and one the port', async () => {
  await expect(start()).rejects.toMatchObject({ code: 'folder-in-use' });
  await expect(start(Number(new URL(server.url).port))).rejects.toMatchObject({ code: 'port-in-use' });
});

test('every answer carries the headers that keep a browser out', async () => {
  const { headers } = await fetch(`${server.url}/v1/me`);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('access-control-allow-origin')).toBeNull();
});

test('pages and links, too, refuse a method that they do not take with those that they take', async () => {
  const asked = async (method: string, path: string): Promise<unknown> => {
    const response = await fetch(`${server.url}${path}`, { method });
    return [response.status, response.headers.get('allow'), ((await response.json()) as { code: string }).code];
  };
  for (const path of ['/docs', '/openapi.json', '/blobs/content/x'])
    for (const method of ['POST', 'DELETE', 'OPTIONS'])
      expect(await asked(method, path)).toEqual([405, 'GET, HEAD', 'method-not-allowed']);
  expect(await asked('GET', '/blobs/parts/x/1')).toEqual([405, 'PUT', 'method-not-allowed']);
  for (const path of ['/docs/x', '/blobs', '/blobs/parts/x', '/blobs/parts//1'])
    expect(await asked('GET', path)).toEqual([404, null, 'not-found']);
  for (const path of ['/docs', '/openapi.json'])
    expect((await fetch(`${server.url}${path}`, { method: 'HEAD' })).status).toBe(200);
});

test('a body over the limit is refused and not read', async () => {
  const headers = { authorization: authorization(), 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'x', description: 'x'.repeat(5_000_000) });
  const response = await fetch(`${server.url}/v1/adapters`, { method: 'POST', headers, body });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([413, 'too-large']);
});

test('the first start makes the team, its key and the example base; the next ones find them', async () => {
  const credentials = join(folder, 'data', 'credentials.json');
  expect(JSON.parse(await readFile(credentials, 'utf8'))).toEqual({ url: server.url, key: server.key });
  expect((await stat(credentials)).mode & 0o077).toBe(0);
  const key = authorization();
  await server.stop();
  server = await start();
  expect(server.key).toBeUndefined();
  const bases = await fetch(`${server.url}/v1/bases`, { headers: { authorization: key } });
  expect(((await bases.json()) as { items: { name: string }[] }).items.map(({ name }) => name)).toEqual(['tiny']);
  // the file follows the server to its new port
  expect((JSON.parse(await readFile(credentials, 'utf8')) as { url: string }).url).toBe(server.url);
});

test('whoever lost the key gets another one where the server runs', async () => {
  await server.stop();
  server = await start(0, { newKey: true });
  expect(await status({ authorization: authorization() })).toBe(200);
});

test('the home folder and the root are not open for bases, a project folder and what is named are', () => {
  expect(baseFolders('/', undefined)).toEqual([examplesFolder]);
  expect(baseFolders(process.env['HOME'] ?? '/', undefined)).toEqual([examplesFolder]);
  expect(baseFolders(folder, ['/models', '/more'].join(delimiter))).toEqual([
    examplesFolder,
    '/models',
    '/more',
    folder,
  ]);
});

test('a job gets no key of the API', () => {
  const given = { PATH: '/bin', LORARY_KEY: 'lry_1', LORARY_JOB_SLOTS: '2', HF_TOKEN: 'hf', SECRET: 'x' };
  const { env, args } = jobCommand({ jobId: 'job_1', team: 'blue', runId: 'run_1' }, '/data', given);
  expect(Object.keys(env).toSorted()).toEqual([
    'HF_TOKEN',
    'LORARY_DATA',
    'LORARY_JOB_SLOTS',
    'PATH',
    'TSX_TSCONFIG_PATH',
  ]);
  expect(args.slice(-6)).toEqual(['--job', 'job_1', '--team', 'blue', '--run', 'run_1']);
});
