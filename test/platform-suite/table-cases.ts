import { expect } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { ConditionError, type JsonObject, type NewRecord, type RecordKey } from '../../shared/platform/ports.ts';
import { failedPositions } from './careful.ts';
import { failureOf, type Case } from './suite.ts';

/** `get`, `put`, `delete`, `increment`: one record at a time. */
export const tableCases: readonly Case[] = [
  {
    name: 'ifAbsent refuses a record that is there and writes nothing',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      await table.put({ key, value: { by: 'first' } }, { ifAbsent: true });
      const error = await failureOf(table.put({ key, value: { by: 'second' } }, { ifAbsent: true }));
      expect(failedPositions(error)).toEqual([0]);
      expect(await table.get(key)).toEqual({ key, value: { by: 'first' }, revision: 1 });
    },
  },
  {
    name: 'ifRevision refuses another revision and an absent record',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      expect(failedPositions(await failureOf(table.put({ key, value: {} }, { ifRevision: 1 })))).toEqual([0]);
      await table.put({ key, value: { n: 1 } });
      await table.put({ key, value: { n: 2 } }, { ifRevision: 1 });
      expect(failedPositions(await failureOf(table.put({ key, value: { n: 3 } }, { ifRevision: 1 })))).toEqual([0]);
      expect(await table.get(key)).toEqual({ key, value: { n: 2 }, revision: 2 });
    },
  },
  {
    name: 'a delete under a condition refuses what it does not describe',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      expect(await failureOf(table.delete(key, { ifRevision: 1 }))).toBeInstanceOf(ConditionError);
      await table.put({ key, value: {} });
      expect(await failureOf(table.delete(key, { ifRevision: 2 }))).toBeInstanceOf(ConditionError);
      expect(await failureOf(table.delete(key, { ifAbsent: true }))).toBeInstanceOf(ConditionError);
      expect(await table.get(key)).toBeDefined();
      await table.delete(key, { ifRevision: 1 });
      expect(await table.get(key)).toBeUndefined();
    },
  },
  {
    name: 'an absent record is undefined, and deleting it is no error',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      expect(await table.get(key)).toBeUndefined();
      await table.delete(key);
      await table.delete(key, { ifAbsent: true });
    },
  },
  {
    name: 'a record comes back as it was put, at once and with its revision',
    async run({ table, now }, unique) {
      const record = {
        key: { partition: `${unique} ü😀'"%_\n`, sort: "a'b\\c\u0001😀" },
        value: {
          text: 'ä "quoted" \0 \u2028 😀',
          numbers: [0, -1.5, 1e300, 2 ** 53 - 1],
          nothing: null,
          deep: [[{ a: [true, false, ''] }]],
          constructor: 'x',
          empty: {},
        },
        index1: { partition: `${unique}-1`, sort: 'one' },
        index2: { partition: `${unique}-2`, sort: 'two' },
        expiresAt: Math.floor(now() / 1000) + 1000,
      } as const;
      expect(await table.put(record)).toEqual({ ...record, revision: 1 });
      expect(await table.get(record.key)).toEqual({ ...record, revision: 1 });
    },
  },
  {
    name: 'a put replaces the whole record and raises its revision by one',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      await table.put({ key, value: { a: 1, b: 2 }, index1: { partition: unique, sort: 'x' } });
      expect(await table.put({ key, value: { a: 3 } })).toEqual({ key, value: { a: 3 }, revision: 2 });
      expect(await table.get(key)).toEqual({ key, value: { a: 3 }, revision: 2 });
    },
  },
  {
    name: 'a record made anew after a delete begins at revision 1',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      await table.put({ key, value: { n: 1 } });
      await table.put({ key, value: { n: 2 } });
      await table.delete(key);
      expect(await table.put({ key, value: { n: 3 } }, { ifAbsent: true })).toMatchObject({ revision: 1 });
    },
  },
  {
    name: 'what was read is a copy',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      const value = { list: [1] };
      const stored = await table.put({ key, value });
      value.list.push(2);
      (stored.value as { list: number[] }).list.push(3);
      expect((await table.get(key))?.value).toEqual({ list: [1] });
    },
  },
  {
    name: 'a record is invisible from the second it expires, and counts as absent',
    async run({ table, now, advance }, unique) {
      const place = (sort: string): RecordKey => ({ partition: unique, sort });
      const expiresAt = Math.floor(now() / 1000) + 60;
      const names = ['read', 'ifAbsent', 'ifRevision', 'counted', 'put', 'transacted'];
      for (const sort of names) {
        await table.put({ key: place(sort), value: { n: 5 }, expiresAt, index1: place(`index ${sort}`) });
        await table.put({ key: place(sort), value: { n: 6 }, expiresAt, index1: place(`index ${sort}`) });
      }
      expect(await table.get(place('read'))).toMatchObject({ revision: 2 });
      await advance(60);
      expect(await table.get(place('read'))).toBeUndefined();
      expect((await table.query({ partition: unique, limit: 100 })).records).toEqual([]);
      expect((await table.query({ partition: unique, index: 'index1', limit: 100 })).records).toEqual([]);
      expect(await failureOf(table.put({ key: place('ifRevision'), value: {} }, { ifRevision: 2 }))).toBeInstanceOf(
        ConditionError,
      );
      expect(await table.put({ key: place('ifAbsent'), value: {} }, { ifAbsent: true })).toMatchObject({ revision: 1 });
      expect(await table.put({ key: place('put'), value: {} })).toMatchObject({ revision: 1 });
      expect(await table.increment(place('counted'), 'n', 1)).toBe(1);
      expect(await table.get(place('counted'))).toEqual({ key: place('counted'), value: { n: 1 }, revision: 1 });
      await table.transact([{ check: place('transacted'), condition: { ifAbsent: true } }], { token: token() });
    },
  },
  {
    name: 'a record of the largest size is kept and one of a byte more is refused',
    async run({ table }, unique) {
      const record = sized(unique, 'a', limits.recordBytesMax);
      await table.put(record);
      expect(await table.get(record.key)).toMatchObject({ value: record.value });
      const larger = sized(unique, 'b', limits.recordBytesMax + 1);
      expect(await failureOf(table.put(larger))).toMatchObject({ code: 'record-too-large' });
      expect(await failureOf(table.transact([{ put: larger }], { token: token() }))).toMatchObject({
        code: 'record-too-large',
      });
      expect(await table.get(larger.key)).toBeUndefined();
    },
  },
  {
    name: 'keys of the longest length are taken and longer, empty or malformed ones are not',
    async run({ table }, unique) {
      const { partitionKeyBytesMax, sortKeyBytesMax } = limits;
      const partition = unique.padEnd(partitionKeyBytesMax, 'p');
      const sort = `ä${'s'.repeat(sortKeyBytesMax - 2)}`;
      await table.put({ key: { partition, sort }, value: {} });
      expect(await table.get({ partition, sort })).toBeDefined();
      const bad = [
        { partition: `${partition}p`, sort },
        { partition, sort: `${sort}s` },
        { partition: '', sort },
        { partition, sort: '' },
        { partition, sort: 'a\0b' },
        { partition, sort: 'a\ud800' },
      ];
      for (const key of bad) {
        expect(await failureOf(table.put({ key, value: {} }))).toBeInstanceOf(Error);
        expect(
          await failureOf(table.put({ key: { partition: unique, sort: 'x' }, value: {}, index1: key })),
        ).toBeInstanceOf(Error);
      }
    },
  },
  {
    name: 'a value nests as deep as the limit and no deeper, and has no number that JSON lacks',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      const nested = (levels: number): JsonObject => (levels === 1 ? {} : { in: nested(levels - 1) });
      await table.put({ key, value: nested(limits.recordNestingMax) });
      expect(await failureOf(table.put({ key, value: nested(limits.recordNestingMax + 1) }))).toBeInstanceOf(Error);
      expect(await failureOf(table.put({ key, value: { n: Number.NaN } }))).toBeInstanceOf(Error);
    },
  },
  {
    name: 'increment refuses a sum above the maximum and changes nothing',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      expect(failedPositions(await failureOf(table.increment(key, 'n', 3, { max: 2 })))).toEqual([0]);
      expect(await table.get(key)).toBeUndefined();
      expect(await table.increment(key, 'n', 2, { max: 2 })).toBe(2);
      expect(failedPositions(await failureOf(table.increment(key, 'n', 1, { max: 2 })))).toEqual([0]);
      expect(await table.get(key)).toEqual({ key, value: { n: 2 }, revision: 1 });
    },
  },
  {
    name: 'increment refuses a field that holds no whole number',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      await table.put({ key, value: { n: 'three', half: 0.5 } });
      expect(await failureOf(table.increment(key, 'n', 1))).toMatchObject({ code: 'not-a-whole-number' });
      expect(await failureOf(table.increment(key, 'half', 1))).toMatchObject({ code: 'not-a-whole-number' });
    },
  },
  {
    name: 'increment makes the record and the field, adds, and leaves the rest of the record',
    async run({ table, now }, unique) {
      const key = { partition: unique, sort: 'a' };
      expect(await table.increment(key, 'n', 5)).toBe(5);
      expect(await table.increment(key, 'n', -7)).toBe(-2);
      expect(await table.increment(key, 'm', 1)).toBe(1);
      expect(await table.get(key)).toEqual({ key, value: { n: -2, m: 1 }, revision: 3 });
      const full: NewRecord = {
        key: { partition: unique, sort: 'b' },
        value: { name: 'kept', n: 1 },
        index2: { partition: unique, sort: 'i' },
        expiresAt: Math.floor(now() / 1000) + 1000,
      };
      await table.put(full);
      await table.increment(full.key, 'n', 1);
      expect(await table.get(full.key)).toEqual({ ...full, value: { name: 'kept', n: 2 }, revision: 2 });
    },
  },
  {
    name: 'of many that put ifAbsent at once, one wins',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      const tries = Array.from({ length: 10 }, async (_, by) => {
        await table.put({ key, value: { by } }, { ifAbsent: true });
        return by;
      });
      const won = (await Promise.allSettled(tries)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(won).toEqual([(await table.get(key))?.value['by']]);
    },
  },
  {
    name: 'increments at once are all counted',
    faultless: true,
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      const sums = await Promise.all(Array.from({ length: 20 }, () => table.increment(key, 'n', 1)));
      expect(sums.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    },
  },
];

let tokens = 0;
/** One that no transaction had. */
export const token = (): string =>
  `${process.pid}-${performance.timeOrigin.toString(36)}-${(tokens += 1)}`.slice(0, 36);

/** A record that counts for exactly so many bytes. */
export function sized(partition: string, sort: string, sizeBytes: number): NewRecord {
  const fixed = Buffer.byteLength(partition) + Buffer.byteLength(sort) + JSON.stringify({ text: '' }).length;
  return { key: { partition, sort }, value: { text: 'x'.repeat(sizeBytes - fixed) } };
}
