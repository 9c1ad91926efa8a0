import { setTimeout as wait } from 'node:timers/promises';
import type { RoundOptions } from './round.ts';

export interface RandomKills {
  readonly kills: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly say: (text: string) => void;
}

/** Kills so often, each time at a moment and after a while of its own; one in five while it comes up. */
export function randomKills({ kills, random, say }: RandomKills): RoundOptions['killing'] {
  return async ({ ready, kill, killContainer }) => {
    for (let done = 1; done <= kills; done++) {
      if (random() < 0.2) await wait(startMilliseconds * random());
      else {
        await ready();
        await wait((random() < 0.25 ? longMilliseconds : upMilliseconds) * random());
        if (random() < 0.5) killContainer();
      }
      await kill(random() < 0.3 ? downMilliseconds * random() : 0);
      if (done % 5 === 0) say(`${done} kills`);
    }
  };
}

const startMilliseconds = 2000;
const upMilliseconds = 4000;
/** A validation needs its time, and what never gets it is never tested. */
const longMilliseconds = 12_000;
const downMilliseconds = 1000;
