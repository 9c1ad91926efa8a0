import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
});
afterAll(() => cli.close());

interface Made {
  readonly key: { readonly id: string };
  readonly secret: string;
}
const codeOf = async (key: string): Promise<number | null> => (await cli.run(['base', 'ls'], { LORARY_KEY: key })).code;

test('a key that leaked ends with those that it made, and one that is rotated goes on with another secret', async () => {
  const leaked = await cli.json<Made>(['keys', 'create', 'leaked', '--role', 'owner', '--prefix', 'search-']);
  const made = await cli.json<Made>(['keys', 'create', 'made', '--role', 'reader', '--prefix', 'search-eu-']);
  const byLeaked = await cli.run(['keys', 'create', 'more', '--role', 'reader', '--json'], {
    LORARY_KEY: leaked.secret,
  });
  const more = JSON.parse(byLeaked.out) as Made;
  const turned = await cli.json<Made>(['keys', 'rotate', made.key.id]);
  expect([await codeOf(made.secret), await codeOf(turned.secret), await codeOf(more.secret)]).toEqual([2, 0, 0]);
  const { all } = await cli.json<{ all: string[] }>(['keys', 'revoke', leaked.key.id, '--with-made']);
  expect(all).toEqual([leaked.key.id, more.key.id]);
  expect([await codeOf(leaked.secret), await codeOf(more.secret), await codeOf(turned.secret)]).toEqual([2, 2, 0]);
  const list = await cli.run(['keys', 'ls']);
  expect(list.out).toMatch(/search-eu-\.\.\./);
});

test('a service account is made, listed, disabled and enabled', async () => {
  await cli.json(['service-accounts', 'create', 'ci', '--role', 'reader']);
  const { secret } = await cli.json<Made>(['keys', 'create', 'runner', '--service-account', 'ci']);
  expect(await codeOf(secret)).toBe(0);
  await cli.json(['service-accounts', 'disable', 'ci']);
  expect((await cli.run(['service-accounts'])).out).toMatch(/^ci +reader +all .*disabled/m);
  expect(await codeOf(secret)).toBe(2);
  await cli.json(['service-accounts', 'enable', 'ci']);
  expect(await codeOf(secret)).toBe(0);
  const typo = await cli.run(['service-accounts', 'create', 'cd', '--role', 'reeder']);
  expect(typo.err).toContain('did you mean reader?');
});

test('whoever has the data folder makes teams beside the server, which see nothing of each other', async () => {
  const { key } = await cli.json<{ key: string }>(['teams', 'create', 'blue']);
  const { teams } = await cli.json<{ teams: { team: string }[] }>(['teams']);
  expect(teams.map(({ team }) => team)).toEqual(['blue', 'local']);
  expect((await cli.run(['base', 'ls'], { LORARY_KEY: key })).err).toContain('There are none');
  expect(await cli.run(['teams', 'create', 'blue'])).toMatchObject({ code: 2 });
  expect((await cli.json<{ key: string }>(['teams', 'create', 'blue', '--new-key'])).key).not.toBe(key);
  const none = await cli.run(['teams'], { LORARY_DATA: `${cli.folder}/none` });
  expect(none.err).toContain('lorary up');
});
