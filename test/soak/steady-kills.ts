import { setTimeout as wait } from 'node:timers/promises';
import type { RoundOptions } from '../crash/round.ts';

export interface SteadyKills {
  readonly seconds: number;
  /** From one kill to the next. */
  readonly everySeconds: number;
  /** Before each kill. */
  readonly progress: (kill: number) => void;
}

/** Kills once in so many seconds, whatever is under way, for so long. Now and then a container, too. */
export function steadyKills({ seconds, everySeconds, progress }: SteadyKills): RoundOptions['killing'] {
  return async ({ ready, kill, killContainer }) => {
    const begun = performance.now();
    for (let kills = 1; kills * everySeconds <= seconds; kills++) {
      await wait(1000 * kills * everySeconds - (performance.now() - begun));
      progress(kills);
      if (kills % 3 === 0) killContainer();
      await kill(0);
      await ready();
    }
    await wait(1000 * seconds - (performance.now() - begun));
  };
}
