import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../platform/ports.ts';
import { hasExpired, toItem, toRecord } from './record-items.ts';
import { replacement } from './write-items.ts';

const key = { partition: 'p', sort: 's' };

test('any record comes back from its item', () => {
  const place = fc.option(fc.constant({ partition: 'i', sort: 'x' }), { nil: undefined });
  const value = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })).map((one) => one as JsonObject);
  fc.assert(
    fc.property(value, place, place, fc.option(fc.nat(), { nil: undefined }), (given, index1, index2, expiresAt) => {
      const record = {
        key,
        value: JSON.parse(JSON.stringify(given)) as JsonObject,
        ...(index1 ? { index1 } : {}),
        ...(index2 ? { index2 } : {}),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      expect(toRecord(toItem(record, 7))).toEqual({ ...record, revision: 7 });
    }),
    { numRuns: 50 },
  );
});

test('counters are fields of the value like others', () => {
  const item = toItem({ key, value: { name: 'x' } }, 1, { n: 5 });
  expect(item.content).toBe('{"name":"x"}');
  expect(toRecord(item).value).toEqual({ name: 'x', n: 5 });
});

test('a record counts as absent from the second it names', () => {
  const item = toItem({ key, value: {}, expiresAt: 100 }, 1);
  expect([hasExpired(item, 99), hasExpired(item, 100), hasExpired(toItem({ key, value: {} }, 1), 1e9)]).toEqual([
    false,
    true,
    false,
  ]);
});

test('a replacement sets what the record has and removes all else', () => {
  const { UpdateExpression } = replacement({ key, value: {}, index1: { partition: 'i', sort: 'x' } });
  expect(UpdateExpression).toBe(
    'SET revision = if_not_exists(revision, :zero) + :one, content = :content, pk1 = :pk1, sk1 = :sk1 ' +
      'REMOVE counters, expiresAt, pk2, sk2',
  );
});
