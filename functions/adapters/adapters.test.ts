import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAdapter, getAdapter } from '../../shared/contract/adapters.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';

let api: LocalApi;
beforeAll(async () => {
  api = await openLocalApi();
  await putReadyBase(api.world, 'blue');
});
afterAll(() => api.close());

test('an adapter is found by its name', async () => {
  const client = await api.client();
  const made = await client.call(createAdapter, { body: { name: 'french', base: 'tiny' } });
  expect(await client.call(getAdapter, { params: { adapter: 'french' } })).toEqual(made);
});
