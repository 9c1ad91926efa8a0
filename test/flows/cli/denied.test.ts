import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
});
afterAll(() => cli.close());

test('no server, no key, a wrong key: each says what to type next', async () => {
  const nowhere = await cli.run(['ls'], { LORARY_DATA: join(cli.folder, 'none') });
  expect(nowhere).toMatchObject({ code: 2, out: '' });
  expect(nowhere.err).toContain('start one with: lorary up');
  const silent = await cli.run(['ls'], { LORARY_URL: 'http://127.0.0.1:9' });
  expect(silent).toMatchObject({ code: 75, out: '' });
  expect(silent.err).toContain('start one with: lorary up');
  const wrong = await cli.run(['ls'], { LORARY_KEY: 'lry_0000000000000000_nothing' });
  expect(wrong).toMatchObject({ code: 2, out: '' });
  expect(wrong.err).toContain(`lorary login --url ${cli.url} --key KEY`);
  expect(await cli.run(['login', '--url', cli.url, '--key', 'wrong'])).toMatchObject({ code: 2 });
});

test('a key does what its scopes allow and no more, and nothing once it is revoked', async () => {
  const made = await cli.json<{ key: { id: string }; secret: string }>([
    'keys',
    'create',
    'reader',
    '--scope',
    'adapters:read',
  ]);
  const as = { LORARY_KEY: made.secret };
  expect(await cli.run(['base', 'ls'], as)).toMatchObject({ code: 0 });
  const denied = await cli.run(['keys'], as);
  expect(denied).toMatchObject({ code: 2, out: '' });
  expect(denied.err).toContain('keys:admin');
  const asJson = await cli.run(['withdraw', 'x@1', '--reason', 'y', '--json'], as);
  expect(JSON.parse(asJson.out)).toMatchObject({ error: { code: 'missing-scope' } });
  await cli.json(['keys', 'revoke', made.key.id]);
  expect(await cli.run(['base', 'ls'], as)).toMatchObject({ code: 2 });
  const typo = await cli.run(['keys', 'create', 'x', '--scope', 'adapter:read']);
  expect(typo.err).toContain('did you mean adapters:read?');
});

test('login stores a key that the server took, for its owner alone', async () => {
  const path = join(cli.folder, 'own', 'login.json');
  const login = await cli.run(['login', '--url', `${cli.url}/`, '--key', cli.key], { LORARY_CONFIG: path });
  expect(login).toMatchObject({ code: 0 });
  expect(login.out).toContain('Team local');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await cli.run(['base', 'ls'], { LORARY_CONFIG: path })).toMatchObject({ code: 0 });
});

test('the doctor finds nothing wrong', async () => {
  const { checks } = await cli.json<{ checks: { what: string; verdict: string }[] }>(['doctor']);
  expect(checks.filter(({ verdict }) => verdict === 'bad')).toEqual([]);
  expect(checks.map(({ what }) => what)).toEqual(expect.arrayContaining(['server', 'key', 'clock', 'jobs']));
});
