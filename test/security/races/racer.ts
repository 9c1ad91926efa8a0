/**
 * Ten of the clients of a race, in a process of their own, over a store that refuses calls and loses answers: `racer.ts <order as JSON>`.
 * Says `ready`, begins at `go` and answers a `RacerResult`.
 */
import { faultyTable, seededRandom } from '../../platform-suite/faults.ts';
import { openRaceWorld, type RacePlace } from './race-place.ts';
import type { RaceFacts } from './facts.ts';
import { raceAsClient } from './race-as-client.ts';
import { withoutConditions, watched } from './race-tables.ts';
import type { RacerResult, Told } from './told.ts';

export interface RacerOrder {
  readonly place: RacePlace;
  readonly facts: RaceFacts;
  readonly clients: readonly number[];
  readonly seed: number;
  /** Conditions of writes count for nothing. */
  readonly fault?: 'no-conditions';
}

const { place, facts, clients, seed, fault } = JSON.parse(process.argv[2] ?? '') as RacerOrder; // written by `holdRaces`
const { world, close } = await openRaceWorld(place);
process.on('disconnect', () => process.exit());
process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));

const told: Told[] = [];
const bugs: string[] = [];
const counts = { calls: 0, faults: 0 };
await Promise.all(
  clients.map((client) => {
    const inner = fault ? withoutConditions(world.table) : world.table;
    const random = seededRandom(1000 * seed + client);
    const table = watched(faultyTable(inner, random), counts);
    return raceAsClient({ world: { ...world, now: () => world.now(), table }, facts, client, random, told, bugs });
  }),
);
const result: RacerResult = { told, bugs, ...counts };
process.send?.(result);
await close();
process.disconnect();
