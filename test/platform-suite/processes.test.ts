import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalWorld, type LocalWorld } from '../../shared/local/local-world.ts';
import { checkLedger } from './check-ledger.ts';
import { kill, messageOf, startChild } from './child.ts';
import { seededRandom } from './faults.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-processes-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('four processes on one folder: every increment counts, each seat has one winner, transactions are whole', async () => {
  const world = await open();
  await world.table.put({ key: { partition: 'accounts', sort: 'a' }, value: { n: 1000 } });
  await world.table.put({ key: { partition: 'accounts', sort: 'b' }, value: { n: 0 } });
  const names = ['one', 'two', 'three', 'four'];
  const writers = names.map((name) => startChild('writer.ts', [folder, name, 'contest']));
  await Promise.all(writers.map(messageOf));
  const results = Promise.all(writers.map(messageOf)) as Promise<{ won: string[]; moved: number }[]>;
  for (const writer of writers) writer.send('go');

  let looks = 0;
  const over = new AbortController();
  const watched = results.finally(() => over.abort());
  while (!over.signal.aborted) {
    const { records } = await world.table.query({ partition: 'accounts', limit: 2 });
    expect(records.reduce((sum, { value }) => sum + Number(value['n']), 0)).toBe(1000);
    looks += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const done = await watched;

  expect(looks).toBeGreaterThan(5);
  expect((await world.table.get({ partition: 'contest', sort: 'total' }))?.value).toEqual({ n: 240 });
  const seats = await world.table.query({ partition: 'contest', prefix: 'seat', limit: 100 });
  const winners = new Map(done.flatMap(({ won }, at) => won.map((seat) => [seat, names[at]] as const)));
  expect(done.flatMap(({ won }) => won)).toHaveLength(30);
  expect(new Map(seats.records.map(({ key, value }) => [key.sort, value['by']]))).toEqual(winners);
  const moved = done.reduce((sum, one) => sum + one.moved, 0);
  expect(moved).toBeGreaterThan(0);
  expect((await world.table.get({ partition: 'accounts', sort: 'b' }))?.value).toEqual({ n: moved });
  await world.close();
});

test('a writer killed at any moment has lost nothing that was acknowledged', async () => {
  const random = seededRandom(7);
  const ledger = join(folder, 'ledger.jsonl');
  for (let round = 0; round < 6; round += 1) {
    await writeAndKill(`round-${round}`, 'ledger', ledger, 30 + random() * 250);
    expect(checkLedger(folder, ledger)).toEqual([]);
  }
  expect(readFileSync(ledger, 'utf8').split('\n').length).toBeGreaterThan(100);
  const world = await open();
  expect(await world.table.get({ partition: 'single', sort: 'round-0-0' })).toMatchObject({ value: { at: 0 } });
  await world.close();
});

test('the check of the ledger sees a writer that drops one write in ten', async () => {
  const ledger = join(folder, 'ledger.jsonl');
  await writeAndKill('dropper', 'dropping', ledger, 300);
  expect(checkLedger(folder, ledger)).toContain('record dropper-3 is missing');
});

async function writeAndKill(name: string, mode: string, ledger: string, milliseconds: number): Promise<void> {
  const writer = startChild('writer.ts', [folder, name, mode, ledger]);
  await messageOf(writer);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  await kill(writer);
}

function open(): Promise<LocalWorld> {
  return openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'server', durability: 'process-death' });
}
