import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlobInfo, BlobStore, JobRunner, RecordTable } from '../../shared/platform/ports.ts';
import { changed } from '../support/changed.ts';
import { blobCases } from './blob-cases.ts';
import { openLocalSuiteWorld, type OpenSuiteWorld } from './open-local.ts';
import { queryCases } from './query-cases.ts';
import { runnerCases } from './runner-cases.ts';
import type { Case, SuiteWorld } from './suite.ts';
import { tableCases } from './table-cases.ts';
import { transactCases } from './transact-cases.ts';
import { uploadCases } from './upload-cases.ts';

interface Fault {
  readonly name: string;
  readonly plant: (world: SuiteWorld) => Partial<SuiteWorld>;
  readonly cases: readonly Case[];
}

const table = (change: (inner: RecordTable) => Partial<RecordTable>) => (world: SuiteWorld) => ({
  table: changed(world.table, change(world.table)),
});
const blobs = (change: (inner: BlobStore) => Partial<BlobStore>) => (world: SuiteWorld) => ({
  blobs: changed(world.blobs, change(world.blobs)),
});
const runner = (change: (inner: JobRunner) => Partial<JobRunner>) => (world: SuiteWorld) => ({
  runner: changed(world.runner, change(world.runner)),
});

/** Every nth call does something else than it says. */
function everyNth(count: number): () => boolean {
  let calls = 0;
  return () => (calls += 1) % count === 0;
}

const dropped = everyNth(7);

const faults: readonly Fault[] = [
  {
    name: 'a write in seven is dropped',
    plant: table((inner) => ({
      put: async (record, condition) => (dropped() ? { ...record, revision: 1 } : inner.put(record, condition)),
    })),
    cases: tableCases,
  },
  {
    name: 'the condition of a put is ignored',
    plant: table((inner) => ({ put: (record) => inner.put(record) })),
    cases: tableCases,
  },
  {
    name: 'the condition of a delete is ignored',
    plant: table((inner) => ({ delete: (key) => inner.delete(key) })),
    cases: tableCases,
  },
  {
    name: 'a put merges',
    plant: table((inner) => ({
      put: async (record, condition) =>
        inner.put({ ...record, value: { ...(await inner.get(record.key))?.value, ...record.value } }, condition),
    })),
    cases: tableCases,
  },
  {
    name: 'the maximum of an increment is ignored',
    plant: table((inner) => ({ increment: (key, field, by) => inner.increment(key, field, by) })),
    cases: tableCases,
  },
  {
    name: 'an increment reads, then writes',
    plant: table((inner) => ({
      async increment(key, field, by) {
        const found = await inner.get(key);
        const sum = Number(found?.value[field] ?? 0) + by;
        await inner.put({ ...(found ?? { key }), value: { ...found?.value, [field]: sum } });
        return sum;
      },
    })),
    cases: tableCases,
  },
  { name: 'nothing expires', plant: () => ({ advance: async () => {} }), cases: tableCases },
  {
    name: 'a page begins with the record it should begin after',
    plant: table((inner) => ({
      query: async (query) => {
        const found =
          query.after === undefined ? undefined : await inner.get({ partition: query.partition, sort: query.after });
        const page = await inner.query(query);
        return found ? { ...page, records: [found, ...page.records].slice(0, query.limit) } : page;
      },
    })),
    cases: queryCases,
  },
  {
    name: 'sort keys are compared as UTF-16',
    plant: table((inner) => ({
      query: async (query) => {
        const page = await inner.query(query);
        return { ...page, records: page.records.toSorted((a, b) => (a.key.sort < b.key.sort ? -1 : 1)) };
      },
    })),
    cases: queryCases,
  },
  {
    name: 'an index forgets nothing',
    plant: table((inner) => {
      const seen = new Map<string, Awaited<ReturnType<RecordTable['query']>>>();
      return {
        query: async (query) => {
          const page = await inner.query(query);
          const name = JSON.stringify(query);
          if (query.index && page.records.length > 0) seen.set(name, page);
          return (query.index && seen.get(name)) || page;
        },
      };
    }),
    cases: queryCases.slice(-1),
  },
  {
    name: 'a transaction is not atomic',
    plant: table((inner) => ({
      async transact(writes, options) {
        for (const [at, write] of writes.entries()) {
          await inner.transact([write], { token: `${at}${options.token}`.slice(0, 36) });
        }
      },
    })),
    cases: transactCases,
  },
  {
    name: 'tokens are forgotten',
    plant: table((inner) => {
      let count = 0;
      return { transact: (writes) => inner.transact(writes, { token: `forgotten-${(count += 1)}` }) };
    }),
    cases: transactCases,
  },
  {
    name: 'a read is shifted by a byte',
    plant: blobs((inner) => ({
      read: (ref, offset, length) => inner.read(ref, offset === 0 ? offset : offset - 1, length),
    })),
    cases: blobCases,
  },
  {
    name: 'a version is written over',
    plant: blobs((inner) => {
      const versions = new Map<string, BlobInfo>();
      return {
        put: async (key, bytes) => {
          const blob = await inner.put(key, bytes);
          const earlier = versions.get(key);
          versions.set(key, blob);
          if (earlier) await inner.delete(earlier);
          return blob;
        },
      };
    }),
    cases: blobCases,
  },
  {
    name: 'a delete does nothing',
    plant: blobs(() => ({ delete: async () => {} })),
    cases: blobCases,
  },
  {
    name: 'links that were tampered with or have expired are served',
    plant: (world) => ({
      send: async (request, options) => {
        const answer = await world.send(request, options);
        return answer.status === 403 ? new Response('served') : answer;
      },
    }),
    cases: uploadCases.slice(1, 2),
  },
  {
    name: 'a part with other bytes is taken',
    plant: (world) => ({
      send: async (request, options) => {
        const answer = await world.send(request, options);
        return answer.status === 400 ? new Response('taken') : answer;
      },
    }),
    cases: uploadCases.slice(0, 1),
  },
  {
    name: 'an upload is completed without its missing parts',
    plant: blobs((inner) => ({
      completeMultipart: async (key, uploadId) =>
        inner.completeMultipart(key, uploadId, await inner.listParts(key, uploadId)),
    })),
    cases: uploadCases,
  },
  {
    name: 'a run that is submitted twice runs twice',
    plant: (world) => ({
      runner: changed(world.runner, {
        submit: async (run) => {
          const known = await world.runner.describe(run.runId);
          await world.runner.submit(known ? { ...run, runId: `${run.runId}-again` } : run);
        },
      }),
      startsOf: async (runId) => (await world.startsOf(runId)) + (await world.startsOf(`${runId}-again`)),
    }),
    cases: runnerCases.slice(1, 2),
  },
  {
    name: 'a cancelled run is forgotten instead of ended',
    plant: runner(() => ({ cancel: async () => {} })),
    cases: runnerCases.slice(-1),
  },
  {
    name: 'exit codes are lost',
    plant: runner((inner) => ({
      describe: async (runId) => {
        const run = await inner.describe(runId);
        if (!run) return undefined;
        const { exitCode: _code, ...rest } = run;
        return rest;
      },
    })),
    cases: runnerCases.slice(1, 3),
  },
];

describe('the suite sees a world that does not keep its promises', () => {
  let world: OpenSuiteWorld;
  beforeAll(async () => {
    world = await openLocalSuiteWorld();
  });
  afterAll(() => world.close());

  test.each(faults)('$name', async ({ name, plant, cases }) => {
    const planted: SuiteWorld = { ...world, patienceSeconds: 1, ...plant(world) };
    const failed: string[] = [];
    for (const [at, one] of cases.entries()) {
      const unique = `${name.replaceAll(/[^a-z]/gi, '-')}-${at}`;
      await one.run(planted, unique).catch(() => failed.push(one.name));
      if (failed.length > 0) break;
    }
    expect(failed).not.toEqual([]);
  });
});
