/**
 * A process that makes and ends jobs of one team against others: `budget-contestant.ts <folder> <seed> [careless]`. Every change is asked for
 * again now and then, as callers do that got no answer. `careless` writes accounts whatever others wrote meanwhile.
 */
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import type { JobChange } from '../../shared/domain/job-states.ts';
import { DomainError } from '../../shared/errors.ts';
import { openLocalWorld } from '../../shared/local/local-world.ts';
import type { RecordWrite, World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { keys } from '../../shared/records/keys.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { uniform } from './random-base.ts';

const [folder = '', seed = '1', mode = ''] = process.argv.slice(2);
const local = await openLocalWorld({ folder, baseUrl: 'http://127.0.0.1:1', role: 'job', durability: 'process-death' });
const random = uniform(Number(seed));
const below = (count: number): number => Math.floor(random() * count);
let passed = 0;
const table = mode === 'careless' ? carelessTable(local.table) : local.table;
const world: World = {
  table,
  blobs: local.blobs,
  runner: local.runner,
  events: local.events,
  // jobs take some seconds each without anybody waiting for them
  now: () => Date.now() + passed,
  randomBytes: (count) => local.randomBytes(count),
};
const caller: Caller = { team: 'blue', keyId: `key-${Number(seed) % 2}`, scopes: [], requestId: `req_${seed}` };

const counts = { made: 0, refused: 0 };
await Promise.all(Array.from({ length: 4 }, work));
process.stdout.write(JSON.stringify(counts));
await local.close();

async function work(): Promise<void> {
  for (let round = 0; round < 12; round++) {
    const allowance = {
      maxMilliseconds: 1000 + below(20_000),
      microDollarsPerHour: 1 + below(9_000_000),
      chargedMilliseconds: 0,
    };
    try {
      const job = await submitJob(world, caller, { kind: 'evaluate', request: { kind: 'evaluate' }, allowance });
      counts.made += 1;
      await live(job.id, job.runId);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      counts.refused += 1;
    }
  }
}

/** From its claim to an end, by way of deaths, stops and resumptions. */
async function live(jobId: string, firstRun: string): Promise<void> {
  let runId = firstRun;
  const change = async (what: JobChange): Promise<void> => {
    for (let times = 1 + below(2); times > 0; times--)
      try {
        const { value } = await changeJobRecord(world, caller, jobId, what);
        ({ runId } = value);
      } catch (error) {
        // said twice, or no more to be done
        if (!(error instanceof DomainError)) throw error;
      }
  };
  for (let attempts = below(4); attempts > 0; attempts--) {
    await change({ type: 'claim', runId });
    passed += below(8000);
    await change(below(2) === 0 ? { type: 'die', reason: 'gone' } : { type: 'stop', reason: 'stopped' });
    if (below(4) === 0) await change({ type: 'cancel' });
    if (below(3) === 0) await change({ type: 'resume' });
  }
  await change({ type: 'claim', runId });
  passed += below(3000);
  await change([{ type: 'succeed' }, { type: 'refuse', reason: 'bad' }, { type: 'cancel' }][below(3)] as JobChange); // one of three
  await change({ type: 'stop', reason: 'saved' });
  await change({ type: 'cancel' });
}

function carelessTable(real: World['table']): World['table'] {
  const { partition } = keys.budget('blue', '');
  const blind = (write: RecordWrite): RecordWrite =>
    'put' in write && write.put.key.partition === partition ? { put: write.put } : write;
  return {
    get: (key) => real.get(key),
    put: (record, condition) => real.put(record, condition),
    delete: (key, condition) => real.delete(key, condition),
    query: (query) => real.query(query),
    increment: (key, field, by, options) => real.increment(key, field, by, options),
    transact: (writes, options) => real.transact(writes.map(blind), options),
  };
}
