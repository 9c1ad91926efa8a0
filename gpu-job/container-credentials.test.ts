import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** What AWS was asked: path and whose keys signed it. */
let asked: { readonly path: string; readonly signedBy: string; readonly body: string }[];
/** What the function that gives credentials answers. */
let answer: object;
let server: Server;

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      const [, signedBy = ''] = /Credential=([^/]+)/.exec(headers.authorization ?? '') ?? [];
      asked.push({ path, signedBy, body: Buffer.concat(chunks).toString() });
      // an empty answer of DynamoDB: there is no such item
      response.end(JSON.stringify(path.includes('/functions/') ? answer : {}));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(() => new Promise((done) => server.close(done)));

/** Runs the container of a job; `role` are the keys of its role. Returns its exit code and what it said. */
async function container(): Promise<{ readonly code: number; readonly said: string }> {
  const { port } = server.address() as AddressInfo; // of a server that listens on a port
  const args = ['--import', 'tsx', 'gpu-job/main.ts', '--job', 'job_1', '--team', 'blue', '--run', 'run_1'];
  const child = spawn(process.execPath, args, {
    env: {
      PATH: process.env['PATH'],
      AWS_ACCESS_KEY_ID: 'role',
      AWS_SECRET_ACCESS_KEY: 'of-the-container',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_EC2_METADATA_DISABLED: 'true',
      LORARY_TABLE: 'records',
      LORARY_BUCKET: 'blobs',
      LORARY_EVENT_BUS: 'events',
      LORARY_CREDENTIALS_FUNCTION: 'gives',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number];
  return { code, said };
}

test('a container whose run is not the one that has the job is refused, and asks for nothing else', async () => {
  answer = { ok: false, code: 'no-such-run', message: 'There is no such run.' };
  const { code, said } = await container();
  expect(said).toContain('There is no such run.');
  expect(code).toBe(2);
  expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(['/2015-03-31/functions/gives/invocations']));
});

test('a container asks in the name of its run and signs everything else with what it was given', async () => {
  const keys = { accessKeyId: 'given', secretAccessKey: 'secret', sessionToken: 'token' };
  answer = { ok: true, credentials: { ...keys, expiresAt: Date.now() + 3_600_000 } };
  // the table knows no such job, so there is nothing to do
  expect((await container()).code).toBe(0);
  const [first, ...others] = asked;
  expect(first).toMatchObject({
    signedBy: 'role',
    body: JSON.stringify({ jobId: 'job_1', team: 'blue', runId: 'run_1' }),
  });
  expect(others.length).toBeGreaterThan(0);
  for (const { path, signedBy } of others) expect([path, signedBy]).toEqual(['/', 'given']);
});
