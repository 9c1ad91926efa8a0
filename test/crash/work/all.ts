import { createWorker, type Worker } from '../client.ts';
import type { Places } from '../settings.ts';
import { uniform } from '../../support/random-base.ts';
import { workOnAdapters } from './adapters.ts';
import { workOnAliases } from './aliases.ts';
import { workOnCatalog } from './catalog.ts';
import { workOnJobs } from './jobs.ts';
import { workOnKeys } from './keys.ts';
import { workOnReads } from './reads.ts';
import { workOnRestorations } from './restorations.ts';
import { workOnVersions } from './versions.ts';

export interface WorkOptions {
  readonly url: string;
  readonly key: string;
  readonly places: Places;
  readonly seed: number;
  /** What no answer should have said goes here. */
  readonly bugs: string[];
}

/** Several clients that do everything at once, until they are stopped. Each draws its own numbers. */
export function startWork({ url, key, places, seed, bugs }: WorkOptions): { stop(): Promise<void> } {
  let over = false;
  const works: readonly ((worker: Worker, seed: number) => Promise<void>)[] = [
    (worker) => workOnAdapters(worker, 'ada'),
    (worker) => workOnAdapters(worker, 'bob'),
    workOnVersions,
    workOnVersions,
    workOnAliases,
    workOnAliases,
    (worker) => workOnCatalog(worker, places.model),
    (worker) => workOnJobs(worker, 'one'),
    (worker) => workOnJobs(worker, 'two'),
    (worker) => workOnJobs(worker, 'three'),
    workOnKeys,
    workOnRestorations,
    workOnReads,
  ];
  const { ledger } = places;
  const working = works.map(async (work, at) => {
    const ownSeed = 100 * seed + at + 1;
    const worker = createWorker({ url, key, ledger, random: uniform(ownSeed), isOver: () => over, bugs });
    // a client that gives up would make the rest of the run say less than it seems to
    await work(worker, ownSeed).catch((error: unknown) => void bugs.push(`a client failed: ${String(error)}`));
  });
  return {
    async stop() {
      over = true;
      await Promise.all(working);
    },
  };
}
