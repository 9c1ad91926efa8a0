import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { administrate } from '../../functions/admin/administrate.ts';
import { createApiClient } from '../../shared/contract/api-client.ts';
import { listKeys } from '../../shared/contract/keys.ts';
import { lambdaError, openLambdaEndpoint, type LambdaEndpoint } from '../../test/support/lambda-endpoint.ts';
import { cleanEnvironment, resultOf, type CliResult } from '../../test/support/lorary-cli.ts';
import { openServedApi, type ServedApi } from '../../test/support/served-api.ts';

let stage: ServedApi;
let aws: LambdaEndpoint;
let folder = '';
beforeAll(async () => {
  stage = await openServedApi();
  aws = await openLambdaEndpoint({ 'lorary-dev-admin': (order) => administrate(stage.world, order, stage.url) });
  folder = await mkdtemp(join(tmpdir(), 'lorary-bootstrap-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
  await stage.close();
});
beforeEach(() => aws.fault(undefined));

/** The command as somebody with an account types it. */
const bootstrap = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<CliResult> =>
  admin('bootstrap', args, environment);

async function admin(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const bin = fileURLToPath(new URL('../lorary.js', import.meta.url));
  const others = Object.entries(cleanEnvironment()).filter(([name]) => !name.startsWith('AWS_'));
  const env = { ...Object.fromEntries(others), ...aws.environment, ...environment };
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  return resultOf(spawn(process.execPath, [bin, 'admin', command, ...args], { cwd: folder, env, stdio: [...stdio] }));
}

const namesOfKeys = async (key: string): Promise<string[]> => {
  const api = createApiClient({ url: stage.url, key, newId: () => 'id', wait: async () => undefined });
  return (await api.call(listKeys, {})).items.map(({ name }) => name).toSorted();
};

test('whoever is nobody, has no right, or names a stage that is not there is told what to do, and no team is made', async () => {
  expect(await bootstrap(['--stage', 'No!'])).toMatchObject({ code: 2, err: expect.stringContaining('is no stage') });
  const away = await bootstrap(['--stage', 'prod'], { AWS_REGION: 'eu-west-1' });
  expect(away).toMatchObject({ code: 2, out: '' });
  expect(away.err).toMatch(/no function lorary-prod-admin in eu-west-1 .*\s+?.*npm run deploy -- prod/s);
  expect((await bootstrap(['--stage', 'prod'])).err).toMatch(/^No region is known: set AWS_REGION/m);
  const nobody = await bootstrap([], { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
  expect(nobody).toMatchObject({ code: 2, err: expect.stringMatching(/^AWS is not told who asks .*aws sso login/m) });
  aws.fault(() => lambdaError(403, 'UnrecognizedClientException', 'The security token is invalid.'));
  expect(await bootstrap([])).toMatchObject({ code: 2, err: expect.stringContaining('does not take the credentials') });
  aws.fault(() => lambdaError(403, 'AccessDeniedException', 'User: ada is not authorized.'));
  expect(await bootstrap([])).toMatchObject({ code: 2, err: expect.stringContaining('need lambda:InvokeFunction') });
  aws.fault(undefined);
  expect((await bootstrap(['--new-key'])).err).toContain('There is no team "main" yet');
}, 60_000);

test('makes a team and its key, which opens the stage and is remembered; a second time it says how to go on', async () => {
  const first = await bootstrap(['--team', 'blue', '--name', 'ada', '--login']);
  expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^lry_\w+\n$/) });
  expect(first.err).toContain(`Team blue at ${stage.url}, key "ada"`);
  const key = first.out.trim();
  expect(await namesOfKeys(key)).toEqual(['ada']);
  const stored = await readFile(join(folder, '.lorary', 'credentials.json'), 'utf8');
  expect(JSON.parse(stored)).toEqual({ url: stage.url, key });

  const second = await bootstrap(['--team', 'blue']);
  expect(second).toMatchObject({ code: 2, out: '' });
  expect(second.err).toContain('lorary admin bootstrap --team blue --new-key');
  const more = await bootstrap(['--team', 'blue', '--new-key', '--json']);
  expect(JSON.parse(more.out)).toEqual({ stage: 'dev', team: 'blue', key: expect.any(String), url: stage.url });
  expect(await namesOfKeys(key)).toEqual(['ada', 'full']);
}, 60_000);

test('an answer that is lost on the way is told as such, asked for once, and the team is entered by another key', async () => {
  const before = aws.calls.length;
  aws.fault(async (request) => {
    await administrate(stage.world, JSON.parse(await request.text()));
    return Promise.reject(new Error('the line breaks'));
  });
  const lost = await bootstrap(['--team', 'green', '--json']);
  expect(lost).toMatchObject({ code: 75, err: expect.stringContaining('whether it was done is not known') });
  expect(JSON.parse(lost.out)).toMatchObject({ error: { code: 'unavailable' } });
  expect(aws.calls.length).toBe(before + 1);
  aws.fault(undefined);
  expect((await bootstrap(['--team', 'green'])).err).toContain('There is a team "green" already');
  const again = await bootstrap(['--team', 'green', '--new-key']);
  expect(again.code).toBe(0);
  expect(await namesOfKeys(again.out.trim())).toHaveLength(2);
}, 60_000);

test('a function that fails, or answers something else, is no team', async () => {
  aws.fault(() =>
    Response.json(
      { errorType: 'UnavailableError', errorMessage: 'The store did not answer.' },
      { headers: { 'x-amz-function-error': 'Unhandled' } },
    ),
  );
  expect(await bootstrap(['--team', 'red'])).toMatchObject({
    code: 75,
    out: '',
    err: expect.stringContaining('failed: The store did not answer.'),
  });
  aws.fault(() => Response.json({ ok: true, team: 'red' }));
  expect(await bootstrap(['--team', 'red'])).toMatchObject({ code: 75, out: '' });
}, 60_000);

test('the administrator limits a team, is told what it has, and has its bytes counted anew', async () => {
  expect((await admin('set-budget', ['--team', 'nobody', '--jobs', '3'])).err).toContain('There is no team "nobody"');
  await bootstrap(['--team', 'green']);
  expect(await admin('set-budget', ['--team', 'green'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--stored'),
  });
  const bad = await admin('set-budget', ['--team', 'green', '--stored', '5 parsecs']);
  expect(bad).toMatchObject({ code: 2, err: expect.stringContaining('500MB, 200GB or 2TB') });
  const set = await admin('set-budget', ['--team', 'green', '--dollars', '200', '--stored', '1.5GB', '--json']);
  expect(JSON.parse(set.out)).toMatchObject({
    team: 'green',
    budget: { subject: 'team', limits: { dollars: 200, jobs: null, storedBytes: 1.5e9 } },
  });
  expect((await admin('budget', ['--team', 'green'])).out).toMatch(/team .*\$200\.00 .*0 B of 1\.5 GB/);
  expect((await admin('recount', ['--team', 'green'])).err).toContain('counted anew within minutes');
  const lifted = await admin('set-budget', ['--team', 'green', '--stored', 'any', '--json']);
  expect(JSON.parse(lifted.out)).toMatchObject({ budget: { limits: { dollars: 200, storedBytes: null } } });
}, 60_000);
