import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import { existsSync, readFileSync } from 'node:fs';
import { uniform } from '../support/random-base.ts';
import { writeTinyBase } from '../support/tiny-base.ts';
import { checkStore, type StoreFindings } from './check/check-store.ts';
import { readLedger, type Ledger } from './check/ledger.ts';
import { createWorker } from './client.ts';
import type { DropKind } from './dropping-world.ts';
import { prepare, readKey } from './prepare.ts';
import { endLeftOverRuns, killSomeContainer, openUploads, unfinished } from './runs.ts';
import { settings } from './sabotage.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { makePlaces, repository, type Places } from './settings.ts';
import { startWork } from './work/all.ts';

export interface RoundOptions {
  /** Of its folder. */
  readonly name: string;
  readonly seed: number;
  readonly kills: number;
  /** A write to drop. */
  readonly drop?: DropKind;
  /** After the last kill the work goes on, for a while, until this much has been done. */
  readonly isEnough?: (ledger: Ledger) => boolean;
  readonly say: (text: string) => void;
}

export interface RoundResult {
  readonly findings: StoreFindings;
  /** What no answer should have said. */
  readonly bugs: readonly string[];
  readonly ledger: Ledger;
  readonly places: Places;
  readonly kills: number;
  readonly containerKills: number;
  /** Which write was dropped. */
  readonly dropped?: string;
}

/** Clients work while their server is killed again and again; then everything comes to its end, and the store is looked at. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { name, seed, kills, drop, isEnough, say } = options;
  const places = await makePlaces(name);
  const random = uniform(seed);
  const bugs: string[] = [];
  const sabotage = drop && {
    entry: ownServer,
    environment: { [settings.drop]: drop, [settings.marker]: places.dropped },
  };
  let server = startServerProcess({ ...places, port: 0 });
  const interrupt = (): void => {
    server.kill('SIGKILL');
    endLeftOverRuns(places.data);
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const url = await server.ready;
    const key = await readKey(places);
    const { ledger } = places;
    await prepare(createWorker({ url, key, ledger, random: uniform(seed), isOver: () => false, bugs }));

    await writeTinyBase(places.model);
    const work = startWork({ url, key, places, seed, bugs });
    const lostOne = new Set<string>();
    for (let kill = 1; kill <= kills; kill++) {
      // one in five dies while it comes up
      if (random() < 0.2) await wait(startMilliseconds * random());
      else {
        await server.ready;
        await wait((random() < 0.25 ? longMilliseconds : upMilliseconds) * random());
        const jobId = random() < 0.5 ? killSomeContainer(places.data, random, lostOne) : undefined;
        if (jobId !== undefined) lostOne.add(jobId);
      }
      server.kill('SIGKILL');
      await server.ended;
      if (random() < 0.3) await wait(downMilliseconds * random());
      server = startServerProcess({ ...places, port: Number(new URL(url).port), ...sabotage });
      if (kill % 5 === 0) say(`${kill} kills`);
    }
    await server.ready;
    await eventually(() => drop === undefined || existsSync(places.dropped));
    if (isEnough) await eventually(() => isEnough(readLedger(ledger)));
    await work.stop();
    await eventually(() => unfinished(places.data).length === 0);
    await stop(server, bugs);
    server = startServerProcess({
      ...places,
      port: 0,
      entry: ownServer,
      environment: { [settings.daysAhead]: String(daysAhead) },
    });
    await server.ready;
    await eventually(() => openUploads(places.data) === 0);
    await stop(server, bugs);

    const noted = readLedger(ledger);
    return {
      findings: checkStore(places.data, noted),
      bugs,
      ledger: noted,
      places,
      kills,
      containerKills: lostOne.size,
      ...(existsSync(places.dropped) ? { dropped: readFileSync(places.dropped, 'utf8') } : {}),
    };
  } finally {
    server.kill('SIGKILL');
    await server.ended;
    endLeftOverRuns(places.data);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}

const ownServer = join(repository, 'test', 'crash', 'server.ts');
const startMilliseconds = 2000;
const upMilliseconds = 4000;
/** A validation needs its time, and what never gets it is never tested. */
const longMilliseconds = 12_000;
const downMilliseconds = 1000;

/** More than an upload or what no record names is kept: whatever is left then is left for ever. */
const daysAhead = 8;

/** What does not come about is found by the check of the store, with its name. */
async function eventually(condition: () => boolean): Promise<void> {
  for (const until = Date.now() + patienceMilliseconds; !condition() && Date.now() < until;) await wait(250);
}

const patienceMilliseconds = 90_000;

async function stop(server: ServerProcess, bugs: string[]): Promise<void> {
  server.kill('SIGTERM');
  const { code, signal } = await server.ended;
  if (code !== 0) bugs.push(`the server was told to stop and ended by ${signal ?? `exit code ${code}`}`);
}
