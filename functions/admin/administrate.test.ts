import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { administrate } from './administrate.ts';

let api: LocalApi;
beforeAll(async () => {
  api = await openLocalApi();
});
afterAll(() => api.close());

test('refuses orders that are none, names that could reach elsewhere, and keys for nobody', async () => {
  for (const order of [
    null,
    {},
    { action: 'drop', team: 'red' },
    { action: 'create-team', team: 'KEY#x' },
    { action: 'create-key', team: 'violet', name: '' },
  ])
    expect(await administrate(api.world, order)).toMatchObject({ ok: false, code: 'bad-order' });
  expect(await administrate(api.world, { action: 'create-key', team: 'nobody' })).toMatchObject({
    code: 'no-such-team',
  });
});

test('makes a team once', async () => {
  const order = { action: 'create-team', team: 'violet' };
  expect(await administrate(api.world, order)).toMatchObject({ ok: true, key: expect.stringMatching(/^lry_/) });
  expect(await administrate(api.world, order)).toMatchObject({ ok: false, code: 'team-exists' });
});

test('gives a team that has lost its key another one', async () => {
  const order = { action: 'create-key', team: 'violet', name: 'ada' };
  const again = await administrate(api.world, order, 'https://lorary.test');
  const key = expect.stringMatching(/^lry_/);
  expect(again).toEqual({ ok: true, team: 'violet', key, url: 'https://lorary.test' });
});
