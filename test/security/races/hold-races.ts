import { messageOf, startChild } from '../../platform-suite/child.ts';
import type { Records } from '../../crash/check/store.ts';
import { checkRaces } from './check-races.ts';
import { clientCount, prepareRace } from './facts.ts';
import { checkOverlap } from './check-overlap.ts';
import { openRaceWorld, type RacePlace } from './race-place.ts';
import type { RacerOrder } from './racer.ts';
import type { RacerResult } from './told.ts';

const processes = 5;

export interface RaceOutcome {
  readonly found: readonly string[];
  /** Answers that nobody should get. */
  readonly bugs: readonly string[];
  readonly figures: string;
}

export interface RaceOptions {
  readonly place: RacePlace;
  readonly seed: number;
  readonly fault?: RacerOrder['fault'];
  /** Reads everything with nothing of the product. */
  readonly read: () => Promise<Records>;
}

/** Lets fifty clients in five processes loose on one store, and says what was lost. */
export async function holdRaces({ place, seed, fault, read }: RaceOptions): Promise<RaceOutcome> {
  const { world, close } = await openRaceWorld(place);
  const facts = await prepareRace(world);
  await close();
  const racers = Array.from({ length: processes }, (_, process) => {
    const clients = Array.from({ length: clientCount }, (_one, client) => client).filter(
      (client) => client % processes === process,
    );
    const order: RacerOrder = { place, facts, clients, seed, ...(fault ? { fault } : {}) };
    return startChild(new URL('racer.ts', import.meta.url), [JSON.stringify(order)]);
  });
  await Promise.all(racers.map(messageOf));
  const begun = performance.now();
  const ended = Promise.all(racers.map(messageOf)) as Promise<RacerResult[]>; // sent by `racer.ts`
  for (const racer of racers) racer.send('go');
  const results = await ended;
  const seconds = (performance.now() - begun) / 1000;

  const told = results.flatMap((result) => result.told);
  const sum = (of: (result: RacerResult) => number): number => results.reduce((all, result) => all + of(result), 0);
  const lost = told.filter((entry) => entry.race === 'promote' && entry.revision === null).length;
  const moved = told.filter((entry) => entry.race === 'promote').length - lost;
  const bugs = results.flatMap((result) => result.bugs);
  const found = [...checkRaces(await read(), facts, told), ...(await checkOverlap(place, facts, told))];
  const figures =
    `${clientCount} clients in ${processes} processes: ${facts.waiting.length} versions published by two each, ` +
    `${moved} moves of an alias and ${lost} that came too late, ${facts.doomed.length} keys made and revoked and as many rotated three times, by five each; ` +
    `${sum(({ calls }) => calls)} calls of the store, ${sum(({ faults }) => faults)} refused or without an answer, ${seconds.toFixed(1)} s`;
  return { found, bugs, figures };
}
