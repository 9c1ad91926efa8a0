import type * as crypto from 'node:crypto';
import { timingSafeEqual } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { whoAmI } from '../../shared/contract/keys.ts';
import { limits } from '../../shared/limits.ts';
import { makeKeyText } from '../../shared/records/api-keys.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { watchStore, type StoreWatch } from '../../test/authorization/watch-store.ts';

// the real one, counted
vi.mock('node:crypto', async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

let api: LocalApi;
let store: StoreWatch;
let key: string;
beforeAll(async () => {
  api = await openLocalApi();
  store = watchStore(api.world.table);
  key = await api.key('blue');
});
afterAll(() => api.close());
beforeEach(() => void store.take());

/** Status of a call with these headers, and what it asked the store. */
async function call(...authorizations: readonly string[]): Promise<[number, string[]]> {
  const headers = new Headers();
  for (const authorization of authorizations) headers.append('authorization', authorization);
  const { status } = await api.fetch(`http://127.0.0.1:7411${whoAmI.path}`, { headers });
  return [status, store.take()];
}

test('what is no key is refused without a look into the store', async () => {
  const wrongCheck = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`;
  for (const text of ['', 'Bearer', 'Bearer lry_', `Basic ${key}`, `Bearer ${wrongCheck}`, `Bearer x ${key}`])
    expect([text, await call(text)]).toEqual([text, [401, []]]);
});

test('several headers are refused without a look into the store, were both of the right key', async () => {
  expect(await call(`Bearer ${key}`, `Bearer ${key}`)).toEqual([401, []]);
  expect(await call('', `Bearer ${key}`)).toEqual([401, []]);
});

test('a header is as long as the limit and no longer', async () => {
  const long = (chars: number): string => `Bearer${' '.repeat(chars - 'Bearer'.length - key.length)}${key}`;
  expect((await call(long(limits.authorizationCharsMax)))[0]).toBe(200);
  expect(await call(long(limits.authorizationCharsMax + 1))).toEqual([401, []]);
});

test('an unknown key and a wrong secret ask the store the same', async () => {
  const { text: unknown } = makeKeyText((count) => api.world.randomBytes(count));
  const keyId = Buffer.from(key.split('_')[1] ?? '', 'hex');
  const { text: wrong } = makeKeyText((count) => (count === keyId.length ? keyId : api.world.randomBytes(count)));
  expect(await call(`Bearer ${unknown}`)).toEqual([401, ['get KEY']]);
  expect(await call(`Bearer ${wrong}`)).toEqual([401, ['get KEY']]);
});

test('secrets are compared in constant time, the one before a rotation even when the first is right', async () => {
  vi.mocked(timingSafeEqual).mockClear();
  expect((await call(`Bearer ${key}`))[0]).toBe(200);
  expect(timingSafeEqual).toHaveBeenCalledTimes(2);
});
