import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import type { RecordTable } from '../../shared/platform/ports.ts';
import { messageOf } from './child.ts';

/** What a writer says of itself in the end: seats it has taken and transfers it has made. */
export interface ContestResult {
  readonly won: readonly string[];
  readonly moved: number;
}

const names = ['one', 'two', 'three', 'four'];
const roundsOfEach = 60;

/**
 * Four processes work on one table: every increment counts, each seat has one winner, and transactions are whole at every look. Their
 * writers say `ready`, begin at `go` and answer a `ContestResult`.
 */
export async function holdContest(table: RecordTable, startWriter: (name: string) => ChildProcess): Promise<void> {
  await table.put({ key: { partition: 'accounts', sort: 'a' }, value: { n: 1000 } });
  await table.put({ key: { partition: 'accounts', sort: 'b' }, value: { n: 0 } });
  const writers = names.map(startWriter);
  await Promise.all(writers.map(messageOf));
  const results = Promise.all(writers.map(messageOf)) as Promise<ContestResult[]>;
  for (const writer of writers) writer.send('go');

  let looks = 0;
  const over = new AbortController();
  const watched = results.finally(() => over.abort());
  while (!over.signal.aborted) {
    const { records } = await table.query({ partition: 'accounts', limit: 2 });
    expect(records.reduce((sum, { value }) => sum + Number(value['n']), 0)).toBe(1000);
    looks += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const done = await watched;

  expect(looks).toBeGreaterThan(5);
  const total = await table.get({ partition: 'contest', sort: 'total' });
  expect(total?.value).toEqual({ n: names.length * roundsOfEach });
  const seats = await table.query({ partition: 'contest', prefix: 'seat', limit: 100 });
  const winners = new Map(done.flatMap(({ won }, at) => won.map((seat) => [seat, names[at]] as const)));
  expect(done.flatMap(({ won }) => won)).toHaveLength(30);
  expect(new Map(seats.records.map(({ key, value }) => [key.sort, value['by']]))).toEqual(winners);
  const moved = done.reduce((sum, one) => sum + one.moved, 0);
  expect(moved).toBeGreaterThan(0);
  expect((await table.get({ partition: 'accounts', sort: 'b' }))?.value).toEqual({ n: moved });
}
