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
  /** Kills the server while clients work, as often and when it likes. */
  readonly killing: (victim: Victim) => Promise<void>;
  /** A write to drop. */
  readonly drop?: DropKind;
  /** After the last kill the work goes on, for a while, until this much has been done. */
  readonly isEnough?: (ledger: Ledger) => boolean;
}

/** The server of a round, as whoever kills it sees it. */
export interface Victim {
  /** Resolves when it answers. */
  readonly ready: () => Promise<void>;
  /** Ends it by SIGKILL and starts it again so much later. */
  readonly kill: (downMilliseconds: number) => Promise<void>;
  /** Ends the container of some job, if there is one that has not lost one before. */
  readonly killContainer: () => void;
}

export interface RoundResult {
  readonly findings: StoreFindings;
  /** What no answer should have said. */
  readonly bugs: readonly string[];
  readonly ledger: Ledger;
  readonly places: Places;
  readonly kills: number;
  readonly containerKills: number;
  /** From each kill to the first answer of the next server, where that lived so long. */
  readonly recoveryMilliseconds: readonly number[];
  /** From the first call of the clients to the last. */
  readonly workSeconds: number;
  /** Which write was dropped. */
  readonly dropped?: string;
}

/** Clients work while their server is killed again and again; then everything comes to its end, and the store is looked at. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { name, seed, killing, drop, isEnough } = options;
  const places = await makePlaces(name);
  const random = uniform(seed);
  const bugs: string[] = [];
  const lostOne = new Set<string>();
  const recoveryMilliseconds: number[] = [];
  let kills = 0;
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
    const begun = performance.now();
    await killing({
      ready: async () => void (await server.ready),
      async kill(downMilliseconds) {
        const killedAt = performance.now();
        server.kill('SIGKILL');
        await server.ended;
        kills++;
        await wait(downMilliseconds);
        server = startServerProcess({ ...places, port: Number(new URL(url).port), ...sabotage });
        const answers = (): unknown => recoveryMilliseconds.push(performance.now() - killedAt - downMilliseconds);
        // one that is killed before never does
        server.ready.then(answers, () => undefined);
      },
      killContainer() {
        const jobId = killSomeContainer(places.data, random, lostOne);
        if (jobId !== undefined) lostOne.add(jobId);
      },
    });
    await server.ready;
    await eventually(() => drop === undefined || existsSync(places.dropped));
    if (isEnough) await eventually(() => isEnough(readLedger(ledger)));
    await work.stop();
    const workSeconds = (performance.now() - begun) / 1000;
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
      recoveryMilliseconds,
      workSeconds,
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
