import { expect } from 'vitest';
import { limits } from '../../shared/limits.ts';
import type { RecordQuery, RecordTable, StoredRecord } from '../../shared/platform/ports.ts';
import { eventually, failureOf, type Case, type SuiteWorld } from './suite.ts';

/** `query`: order, prefixes, pages, indexes. */
export const queryCases: readonly Case[] = [
  {
    name: 'a page of no or too many records is refused',
    async run({ table }, partition) {
      for (const limit of [0, -1, 1.5, limits.queryRecordsMax + 1]) {
        expect(await failureOf(table.query({ partition, limit }))).toBeInstanceOf(Error);
      }
      expect(await table.query({ partition, limit: limits.queryRecordsMax })).toEqual({ records: [] });
    },
  },
  {
    name: 'records come sorted by the UTF-8 bytes of their sort keys, or the other way round',
    async run({ table }, partition) {
      // UTF-16 would put the emoji before U+FFEE
      const sorts = ['B', 'a', 'aa', 'Z', 'é', '\uffee', '😀', '\ud7ff', '\ue000', ' ', '~', '10', '9'];
      for (const sort of sorts) await table.put({ key: { partition, sort }, value: {} });
      const ordered = sorts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await sortsOf(table, { partition, limit: 100 })).toEqual(ordered);
      expect(await sortsOf(table, { partition, limit: 100, reverse: true })).toEqual(ordered.toReversed());
    },
  },
  {
    name: 'a query sees what was just written, and only its own partition',
    async run({ table }, partition) {
      await table.put({ key: { partition: `${partition}x`, sort: 'a' }, value: {} });
      await table.put({ key: { partition: partition.toUpperCase(), sort: 'a' }, value: {} });
      expect(await sortsOf(table, { partition, limit: 10 })).toEqual([]);
      const stored = await table.put({ key: { partition, sort: 'a' }, value: { n: [1] } });
      expect(await walk(table, { partition, limit: 10 })).toEqual([stored]);
      await table.delete(stored.key);
      expect(await sortsOf(table, { partition, limit: 10 })).toEqual([]);
    },
  },
  {
    name: 'a prefix is taken as it stands, whatever its characters mean elsewhere',
    async run({ table }, partition) {
      const sorts = [
        'a',
        'a%',
        'a%b',
        'a*',
        'a_',
        'ab',
        'A%',
        'b',
        '\ud7ff',
        '\ud7ffx',
        '\ue000',
        '\u{10ffff}',
        '\u{10ffff}x',
        'z\u{10ffff}y',
        '{',
      ];
      for (const sort of sorts) await table.put({ key: { partition, sort }, value: {} });
      for (const prefix of ['', 'a', 'a%', 'a_', 'a*', '\ud7ff', '\u{10ffff}', 'z\u{10ffff}', 'nothing']) {
        const wanted = sorts.filter((sort) => sort.startsWith(prefix));
        expect((await sortsOf(table, { partition, prefix, limit: 100 })).toSorted()).toEqual(wanted.toSorted());
      }
    },
  },
  {
    name: 'pages of every size, in both directions, give every record once',
    async run({ table }, partition) {
      const sorts = Array.from({ length: 7 }, (_, at) => `item-${at}`);
      for (const sort of ['before', ...sorts, 'zlast']) await table.put({ key: { partition, sort }, value: {} });
      for (const limit of [1, 2, 3, 7, 8]) {
        const query = { partition, prefix: 'item-', limit };
        expect(await sortsOf(table, query)).toEqual(sorts);
        expect(await sortsOf(table, { ...query, reverse: true })).toEqual(sorts.toReversed());
      }
    },
  },
  {
    name: 'a page begins after a key that is gone, and ends where the prefix does',
    async run({ table }, partition) {
      for (const sort of ['a1', 'a2', 'a3', 'b1']) await table.put({ key: { partition, sort }, value: {} });
      await table.delete({ partition, sort: 'a2' });
      const query = { partition, prefix: 'a', limit: 10 };
      expect(await sortsOf(table, { ...query, after: 'a2' })).toEqual(['a3']);
      expect(await sortsOf(table, { ...query, after: 'a2', reverse: true })).toEqual(['a1']);
      expect(await sortsOf(table, { ...query, after: 'Z' })).toEqual(['a1', 'a3']);
      expect(await sortsOf(table, { ...query, after: 'b' })).toEqual([]);
      expect(await sortsOf(table, { ...query, after: 'z', reverse: true })).toEqual(['a3', 'a1']);
      expect(await sortsOf(table, { ...query, after: 'a', reverse: true })).toEqual([]);
    },
  },
  {
    name: 'an index holds the records that have a key for it, in the order of those keys',
    async run(world, partition) {
      const { table } = world;
      const index = `${partition}-index`;
      await table.put({ key: { partition, sort: '1' }, value: {}, index1: { partition: index, sort: 'c' } });
      await table.put({ key: { partition, sort: '2' }, value: {}, index1: { partition: index, sort: 'a' } });
      await table.put({ key: { partition, sort: '3' }, value: {}, index2: { partition: index, sort: 'b' } });
      await table.put({ key: { partition, sort: '4' }, value: {}, index1: { partition: `${index}x`, sort: 'b' } });
      await table.put({
        key: { partition: `${partition}y`, sort: '5' },
        value: {},
        index1: { partition: index, sort: 'b' },
      });
      await expectIndex(world, { partition: index, index: 'index1', limit: 2 }, ['2', '5', '1']);
      await expectIndex(world, { partition: index, index: 'index1', limit: 1, reverse: true }, ['1', '5', '2']);
      await expectIndex(world, { partition: index, index: 'index1', limit: 9, after: 'a', prefix: 'b' }, ['5']);
      await expectIndex(world, { partition: index, index: 'index2', limit: 9 }, ['3']);
      expect(await sortsOf(table, { partition: index, limit: 9 })).toEqual([]);
    },
  },
  {
    name: 'in an index a record moves, leaves and returns as its key for it does',
    async run(world, partition) {
      const { table } = world;
      const key = { partition, sort: '1' };
      const query = { partition, index: 'index1', limit: 9 } as const;
      await table.put({ key, value: {}, index1: { partition, sort: 'open' } });
      await expectIndex(world, { ...query, prefix: 'open' }, ['1']);
      await table.put({ key, value: { moved: true }, index1: { partition, sort: 'closed' } });
      await expectIndex(world, { ...query, prefix: 'open' }, []);
      await expectIndex(world, { ...query, prefix: 'closed' }, ['1']);
      await table.put({ key, value: {} });
      await expectIndex(world, query, []);
      await table.put({ key, value: {}, index1: { partition, sort: 'open' } });
      await expectIndex(world, query, ['1']);
      await table.delete(key);
      await expectIndex(world, query, []);
    },
  },
];

/** An index may lag behind, so it is asked until it has caught up. */
async function expectIndex(world: SuiteWorld, query: RecordQuery, wanted: readonly string[]): Promise<void> {
  const same = (seen: readonly string[]): boolean => seen.join('\n') === wanted.join('\n');
  expect(await eventually(world, () => sortsOf(world.table, query), same)).toEqual(wanted);
}

async function sortsOf(table: RecordTable, query: RecordQuery): Promise<string[]> {
  return (await walk(table, query)).map(({ key }) => key.sort);
}

/** All pages. */
async function walk(table: RecordTable, query: RecordQuery): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for (let after = query.after; ;) {
    const page = await table.query({ ...query, ...(after === undefined ? {} : { after }) });
    expect(page.records.length).toBeLessThanOrEqual(query.limit);
    all.push(...page.records);
    if (page.next === undefined) return all;
    after = page.next;
  }
}
