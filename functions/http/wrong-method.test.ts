import { afterAll, beforeAll, expect, test } from 'vitest';
import { operations } from '../../shared/contract/operations.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { allowedMethods } from './allowed-methods.ts';

let api: LocalApi;
beforeAll(async () => {
  api = await openLocalApi();
});
afterAll(() => api.close());

async function ask(method: string, path: string): Promise<{ status: number; allow: string | null; code: string }> {
  const response = await api.fetch(`http://127.0.0.1:7411${path}`, { method });
  const { code } = (await response.json()) as { code: string };
  return { status: response.status, allow: response.headers.get('allow'), code };
}
const not405 = { status: 404, allow: null, code: 'not-found' };

test('a path that is none stays not found, whatever the method', async () => {
  for (const path of ['/v1', '/v1/nothing', '/v1/adapters/', '/v1/adapters/a/b', '/v1/adapters/a/versions/1/x'])
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) expect(await ask(method, path)).toEqual(not405);
});

test('a method that a path does not take is refused with those that it takes', async () => {
  const refused = { status: 405, code: 'method-not-allowed' };
  expect(await ask('DELETE', '/v1/me')).toEqual({ ...refused, allow: 'GET, HEAD' });
  expect(await ask('PUT', '/v1/adapters')).toEqual({ ...refused, allow: 'GET, HEAD, POST' });
  expect(await ask('OPTIONS', '/v1/generate')).toEqual({ ...refused, allow: 'POST' });
});

test('what is there, what is not and what is somebody else’s is refused alike', async () => {
  await api.client('blue');
  const answers = await Promise.all(
    ['there', 'none', '%F0%9F%90%B1', '..%2f'].map((name) => ask('POST', `/v1/adapters/${name}`)),
  );
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
});

test('every route is reached by the methods that its path is said to take, and by no other', () => {
  for (const { path, method } of operations) {
    const allowed = allowedMethods(operations, path.replaceAll(/\{\w+\}/g, 'x'));
    expect(allowed).toContain(method.toUpperCase());
    expect(allowed.length).toBe(new Set(allowed).size);
  }
});
