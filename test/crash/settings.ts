import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endLeftOverRuns } from './runs.ts';

/** Where one run of the crash test keeps what it needs. */
export interface Places {
  /** The data folder of the server. */
  readonly data: string;
  readonly ledger: string;
  /** What the servers printed. */
  readonly log: string;
  /** A model folder that clients send. */
  readonly model: string;
  /** Says which write was dropped, once one was. */
  readonly dropped: string;
}

export const repository = fileURLToPath(new URL('../../', import.meta.url));

export function placesOf(name: string): Places {
  const folder = resolve(repository, '.cache', 'crash', name);
  return {
    data: join(folder, 'data'),
    ledger: join(folder, 'ledger.jsonl'),
    log: join(folder, 'server.log'),
    model: join(folder, 'model'),
    dropped: join(folder, 'dropped.txt'),
  };
}

/** An empty folder below `.cache`: what a failed run leaves can be looked at until the next one. */
export async function makePlaces(name: string): Promise<Places> {
  const places = placesOf(name);
  const folder = dirname(places.data);
  // of a run that was interrupted
  endLeftOverRuns(places.data);
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  await mkdir(folder, { recursive: true });
  return places;
}
