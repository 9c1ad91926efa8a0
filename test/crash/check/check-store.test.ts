import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenRule } from '../dropping-world.ts';
import { makeHealthyStore } from '../healthy-store.ts';
import { checkStore, storeRules, type StoreFindings } from './check-store.ts';
import { readLedger, type Ledger } from './ledger.ts';
import { brokenAdapters } from './planted/adapters.ts';
import { brokenBlobs } from './planted/blobs.ts';
import { brokenBytes } from './planted/bytes.ts';
import { damage } from './planted/damaged-store.ts';
import { brokenJobs } from './planted/jobs.ts';
import type { PlantedDamage } from './planted/planted-damage.ts';
import { brokenPromises } from './planted/promises.ts';
import { brokenAudit, brokenRecords, brokenUploads } from './planted/uploads-audit-records.ts';

const damages = [
  brokenPromises,
  brokenJobs,
  brokenAdapters,
  brokenUploads,
  brokenBlobs,
  brokenBytes,
  brokenAudit,
  brokenRecords,
].flat();

let folder = '';
let ledger: Ledger;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-checked-'));
  const at = (name: string): string => join(folder, name);
  await makeHealthyStore({ data: at('data'), ledger: at('ledger.jsonl'), model: at('model') });
  ledger = readLedger(at('ledger.jsonl'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What is found in a copy of the healthy store after this was done to it. */
async function checkDamaged(plant: PlantedDamage['plant']): Promise<StoreFindings> {
  const copy = join(folder, 'damaged');
  await cp(join(folder, 'data'), copy, { recursive: true });
  try {
    damage(copy, plant);
    return checkStore(copy, ledger);
  } finally {
    await rm(copy, { recursive: true });
  }
}

test.each(damages)('$rule: $name', async ({ rule, says, plant }) => {
  const findings = await checkDamaged(plant);
  expect(findings[rule]).toContainEqual(expect.stringMatching(says));
});

test('a process that works on the folder is found', async () => {
  const args = ['-e', 'setTimeout(() => {}, 60000)', join(folder, 'data', 'runs')];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  await once(child, 'spawn');
  expect(checkStore(join(folder, 'data'), ledger).processes).toEqual([expect.stringContaining('a process is left')]);
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a database that is damaged is found', async () => {
  const findings = await checkDamaged((store) => store.breakIndex());
  expect(findings.records).toContainEqual(expect.stringContaining('the database is damaged'));
});

test('nothing is found where nothing is wrong', () => {
  const nothing = Object.fromEntries(Object.keys(storeRules).map((rule) => [rule, []]));
  expect(checkStore(join(folder, 'data'), ledger)).toEqual(nothing);
});

test('every rule has been seen to be broken, and every write that can be dropped breaks one', () => {
  const broken = new Set([...damages.map(({ rule }) => rule), 'processes']);
  expect([...broken].toSorted()).toEqual(Object.keys(storeRules).toSorted());
  for (const rule of Object.values(brokenRule)) expect(broken).toContain(rule);
});
