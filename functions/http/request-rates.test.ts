import { expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { createRequestRates } from './request-rates.ts';

test('a second of calls goes at once, then as many a second; keys do not share, and one without a limit has none', () => {
  let now = 1_000_000;
  const admit = createRequestRates({ now: () => now });
  const key = { id: 'a', requestsPerSecond: 3 };
  for (let i = 0; i < 3; i++) admit(key);
  expect(() => admit(key)).toThrow('may make 3 calls a second: wait 0.33 s');
  admit({ ...key, id: 'b' });
  for (let i = 0; i < 100; i++) admit({ id: 'free', requestsPerSecond: null });
  now += 333;
  expect(() => admit(key)).toThrow('calls a second');
  now += 1;
  admit(key);
  expect(() => admit(key)).toThrow('calls a second');
  // no more than a second's worth is saved up
  now += 60_000;
  for (let i = 0; i < 3; i++) admit(key);
  expect(() => admit(key)).toThrow('calls a second');
});

test('less than one a second is one now and then, and a clock that goes back gives nothing', () => {
  let now = 1_000_000;
  const admit = createRequestRates({ now: () => now });
  const key = { id: 'a', requestsPerSecond: 0.5 };
  admit(key);
  now -= 5000;
  expect(() => admit(key)).toThrow('wait 2.00 s');
  now += 2000;
  admit(key);
});

test('buckets are bounded: beyond, the one that was asked for longest ago is forgotten', () => {
  const admit = createRequestRates({ now: () => 0 });
  for (let i = 0; i < limits.rateBucketsMax; i++) admit({ id: `k${i}`, requestsPerSecond: 1 });
  expect(() => admit({ id: 'k0', requestsPerSecond: 1 })).toThrow('calls a second');
  admit({ id: 'one-more', requestsPerSecond: 1 });
  admit({ id: 'k1', requestsPerSecond: 1 });
});
