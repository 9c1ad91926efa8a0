import { expect, test } from 'vitest';
import { createSigner, type Signable, type Signer } from './signed-urls.ts';

const request: Signable = {
  method: 'PUT',
  path: '/blobs/parts/u/1',
  query: { size: '5', name: 'ä & b' },
  headers: { 'x-hash': 'abc' },
};
const options = { baseUrl: 'http://127.0.0.1:1', expiresSeconds: 60 };

let now = 1_000_000;
const signer = createSigner(Buffer.alloc(32, 1), () => now);

test('a change of anything that is signed is seen', () => {
  const { url } = signer.sign(request, options);
  const { searchParams } = new URL(url);
  const changed = (name: string, value: string | undefined): URLSearchParams => {
    const query = new URLSearchParams(searchParams);
    if (value === undefined) query.delete(name);
    else query.set(name, value);
    return query;
  };
  const query = searchParams;
  expect(verdict(signer, { query })).toBe('good');
  const bad = [
    { query, method: 'GET' as const },
    { query, path: '/blobs/parts/u/2' },
    { query, headers: { 'x-hash': 'abd' } },
    { query, headers: {} },
    { query: changed('size', '6') },
    { query: changed('name', undefined) },
    { query: changed('more', '1') },
    { query: changed('expires', String(now + 61_000)) },
    { query: changed('expires', undefined) },
    { query: changed('signature', undefined) },
    { query: changed('signature', '') },
    { query: changed('signature', `${searchParams.get('signature')}00`) },
    { query: changed('signature', '0'.repeat(64)) },
    { query: new URLSearchParams(`${searchParams.toString()}&size=5`) },
    { query: new URLSearchParams(`${searchParams.toString()}&signature=00`) },
  ];
  for (const change of bad) expect(verdict(signer, change)).toBe('bad-signature');
});

test('a link of another key is none', () => {
  const other = createSigner(Buffer.alloc(32, 2), () => now);
  const { searchParams } = new URL(other.sign(request, options).url);
  expect(verdict(other, { query: searchParams })).toBe('good');
  expect(verdict(signer, { query: searchParams })).toBe('bad-signature');
});

test('a link ends at its time, and its order of parameters does not matter', () => {
  const { url, expiresAt } = signer.sign(request, options);
  expect(expiresAt).toBe(now + 60_000);
  const query = new URLSearchParams([...new URL(url).searchParams].toReversed());
  now = expiresAt - 1;
  expect(verdict(signer, { query })).toBe('good');
  now = expiresAt;
  expect(verdict(signer, { query })).toBe('expired');
});

function verdict(by: Signer, change: Partial<Parameters<Signer['verify']>[0]> & { query: URLSearchParams }): string {
  return by.verify({ method: request.method, path: request.path, headers: request.headers, ...change });
}
