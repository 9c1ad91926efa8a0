import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalWorld, type LocalWorld } from '../../shared/local/local-world.ts';
import { checkLedger } from './check-ledger.ts';
import { holdContest } from './contest.ts';
import { kill, messageOf, startChild } from './child.ts';
import { seededRandom } from './faults.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-processes-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('four processes on one folder: every increment counts, each seat has one winner, transactions are whole', async () => {
  const world = await open();
  await holdContest(world.table, (name) => startChild('writer.ts', [folder, name, 'contest']));
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
