import { expect } from 'vitest';
import { limits } from '../../shared/limits.ts';
import type { RecordKey, RecordWrite } from '../../shared/platform/ports.ts';
import { failedPositions } from './careful.ts';
import { failureOf, type Case } from './suite.ts';
import { sized, token } from './table-cases.ts';

/** `transact`: all or nothing, once. */
export const transactCases: readonly Case[] = [
  {
    name: 'when one condition fails nothing is written, and every failed position is named',
    async run({ table }, unique) {
      const place = (sort: string): RecordKey => ({ partition: unique, sort });
      await table.put({ key: place('there'), value: { n: 1 } });
      const writes: RecordWrite[] = [
        { put: { key: place('new'), value: {} } },
        { put: { key: place('there'), value: { n: 2 } }, condition: { ifAbsent: true } },
        { delete: place('absent') },
        { check: place('missing'), condition: { ifRevision: 1 } },
        { put: { key: place('other'), value: {} }, condition: { ifAbsent: true } },
      ];
      expect(failedPositions(await failureOf(table.transact(writes, { token: token() })))).toEqual([1, 3]);
      expect(await table.get(place('new'))).toBeUndefined();
      expect(await table.get(place('other'))).toBeUndefined();
      expect(await table.get(place('there'))).toMatchObject({ value: { n: 1 }, revision: 1 });
    },
  },
  {
    name: 'puts, deletes and checks happen together',
    async run({ table }, unique) {
      const place = (sort: string): RecordKey => ({ partition: unique, sort });
      await table.put({ key: place('checked'), value: {} });
      await table.put({ key: place('deleted'), value: {} });
      await table.put({ key: place('raised'), value: {} });
      await table.transact(
        [
          { check: place('checked'), condition: { ifRevision: 1 } },
          { check: place('absent'), condition: { ifAbsent: true } },
          { delete: place('deleted'), condition: { ifRevision: 1 } },
          { put: { key: place('raised'), value: { n: 1 } }, condition: { ifRevision: 1 } },
          { put: { key: place('made'), value: { n: 2 }, index1: place('i') } },
        ],
        { token: token() },
      );
      expect(await table.get(place('checked'))).toMatchObject({ revision: 1 });
      expect(await table.get(place('deleted'))).toBeUndefined();
      expect(await table.get(place('raised'))).toMatchObject({ value: { n: 1 }, revision: 2 });
      expect(await table.get(place('made'))).toMatchObject({ value: { n: 2 }, index1: place('i'), revision: 1 });
    },
  },
  {
    name: 'the same token with other writes is refused',
    async run({ table }, unique) {
      const place = (sort: string): RecordKey => ({ partition: unique, sort });
      const used = token();
      await table.transact([{ put: { key: place('a'), value: {} } }], { token: used });
      const other = table.transact([{ put: { key: place('b'), value: {} } }], { token: used });
      expect(await failureOf(other)).toMatchObject({ code: 'token-reused' });
      expect(await table.get(place('b'))).toBeUndefined();
    },
  },
  {
    name: 'the same token with the same writes succeeds for ten minutes without writing again',
    async run({ table, advance }, unique) {
      const key = { partition: unique, sort: 'a' };
      const writes: RecordWrite[] = [{ put: { key, value: { n: 1 } }, condition: { ifAbsent: true } }];
      const used = token();
      await table.transact(writes, { token: used });
      await table.transact(writes, { token: used });
      // clocks go on between the calls, by more than a second on a busy machine
      await advance(limits.transactionTokenSeconds - 10);
      await table.transact(writes, { token: used });
      expect(await table.get(key)).toMatchObject({ revision: 1 });
      await advance(10);
      expect(failedPositions(await failureOf(table.transact(writes, { token: used })))).toEqual([0]);
    },
  },
  {
    name: 'the token of a transaction that failed may be used again',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      const writes: RecordWrite[] = [{ put: { key, value: {} }, condition: { ifAbsent: true } }];
      const used = token();
      await table.put({ key, value: {} });
      expect(failedPositions(await failureOf(table.transact(writes, { token: used })))).toEqual([0]);
      await table.delete(key);
      await table.transact(writes, { token: used });
      expect(await table.get(key)).toBeDefined();
    },
  },
  {
    name: 'tokens of 1 to 36 characters are taken, others are not',
    async run({ table }, unique) {
      const put = (text: string): Promise<void> =>
        table.transact([{ put: { key: { partition: unique, sort: 'a' }, value: {} } }], { token: text });
      await put(unique.padStart(limits.transactionTokenCharsMax, 'x').slice(-limits.transactionTokenCharsMax));
      expect(await failureOf(put('x'.repeat(limits.transactionTokenCharsMax + 1)))).toBeInstanceOf(Error);
      expect(await failureOf(put(''))).toBeInstanceOf(Error);
      expect(await failureOf(table.transact([], { token: token() }))).toBeInstanceOf(Error);
    },
  },
  {
    name: 'as many writes as the limit are taken and one more is refused',
    async run({ table }, unique) {
      const writes = (count: number): RecordWrite[] =>
        Array.from({ length: count }, (_, at) => ({ put: { key: { partition: unique, sort: `${at}` }, value: {} } }));
      const many = table.transact(writes(limits.transactionWritesMax + 1), { token: token() });
      expect(await failureOf(many)).toMatchObject({ code: 'record-too-large' });
      expect(await table.get({ partition: unique, sort: '0' })).toBeUndefined();
      await table.transact(writes(limits.transactionWritesMax), { token: token() });
      expect(await table.get({ partition: unique, sort: `${limits.transactionWritesMax - 1}` })).toBeDefined();
    },
  },
  {
    name: 'as many bytes as the limit are taken and one more is refused',
    async run({ table }, unique) {
      const { recordBytesMax, transactionBytesMax } = limits;
      const full = transactionBytesMax / recordBytesMax;
      const records = Array.from({ length: full }, (_, at) => sized(unique, `${at}`, recordBytesMax));
      const check: RecordWrite = { check: { partition: unique, sort: 'x' }, condition: { ifAbsent: true } };
      const writes = records.map((put): RecordWrite => ({ put }));
      const larger = table.transact([...writes, check], { token: token() });
      expect(await failureOf(larger)).toMatchObject({ code: 'record-too-large' });
      await table.transact(writes, { token: token() });
      expect(await table.get({ partition: unique, sort: `${full - 1}` })).toBeDefined();
    },
  },
  {
    name: 'a record may not be touched twice',
    async run({ table }, unique) {
      const key = { partition: unique, sort: 'a' };
      const put: RecordWrite = { put: { key, value: {} } };
      const pairs: RecordWrite[][] = [
        [put, put],
        [put, { delete: key }],
        [put, { check: key, condition: { ifAbsent: true } }],
      ];
      for (const writes of pairs) {
        const twice = table.transact(writes, { token: token() });
        expect(await failureOf(twice)).toMatchObject({ code: 'record-too-large' });
      }
      expect(await table.get(key)).toBeUndefined();
    },
  },
  {
    name: 'of many transactions on one revision, one wins',
    async run({ table }, unique) {
      const place = (sort: string): RecordKey => ({ partition: unique, sort });
      await table.put({ key: place('shared'), value: { by: 'nobody' } });
      const tries = Array.from({ length: 8 }, (_, by) =>
        table.transact(
          [
            { put: { key: place('shared'), value: { by } }, condition: { ifRevision: 1 } },
            { put: { key: place(`mark ${by}`), value: {} } },
          ],
          { token: token() },
        ),
      );
      const won = (await Promise.allSettled(tries)).flatMap(({ status }, by) => (status === 'fulfilled' ? [by] : []));
      expect(won).toEqual([(await table.get(place('shared')))?.value['by']]);
      const marks = await table.query({ partition: unique, prefix: 'mark', limit: 10 });
      expect(marks.records.map(({ key }) => key.sort)).toEqual([`mark ${won[0]}`]);
    },
  },
];
