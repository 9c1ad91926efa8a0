import { setTimeout as wait } from 'node:timers/promises';

/** Something that is done again and again; whatever it missed, the next time finds. */
export interface Chore {
  readonly name: string;
  readonly everyMilliseconds: number;
  run(): Promise<void>;
}

/** Does each chore at once and then after each pause, never twice at a time. Returns how to stop, which waits for what is in work. */
export function startChores(
  chores: readonly Chore[],
  log: (message: string, error: unknown) => void,
): () => Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  const loops = chores.map(async (chore) => {
    while (!signal.aborted) {
      try {
        await chore.run();
      } catch (error) {
        log(`${chore.name} failed and will be tried again`, error);
      }
      await wait(chore.everyMilliseconds, undefined, { signal, ref: false }).catch(() => undefined);
    }
  });
  return async () => {
    controller.abort();
    await Promise.all(loops);
  };
}
