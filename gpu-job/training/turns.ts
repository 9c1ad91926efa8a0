/** Numbered work that threads take as they are free and finish in the order of its numbers. Lives in shared memory. */
export interface Turns {
  /** The next number that nobody has taken. */
  take(): number;
  /** Blocks until all lower numbers are finished. Throws when the work was abandoned. */
  wait(number: number): void;
  /** Lets the next number go on. */
  finish(number: number): void;
  /** Begins again at 0; for whoever hands out the work, while nobody works. */
  reset(): void;
  /** Wakes all who wait, for good: one of them will never finish. */
  abandon(): void;
}

export const turnsBytes = 8;

export function openTurns(memory: SharedArrayBuffer): Turns {
  const cells = new Int32Array(memory);
  return {
    take: () => Atomics.add(cells, cell.next, 1),
    wait(number) {
      for (;;) {
        const turn = Atomics.load(cells, cell.turn);
        if (turn === number) return;
        if (turn === abandoned) throw new Error('another worker has failed');
        Atomics.wait(cells, cell.turn, turn);
      }
    },
    finish(number) {
      // unless it was abandoned meanwhile
      Atomics.compareExchange(cells, cell.turn, number, number + 1);
      Atomics.notify(cells, cell.turn);
    },
    reset() {
      Atomics.store(cells, cell.next, 0);
      Atomics.store(cells, cell.turn, 0);
    },
    abandon() {
      Atomics.store(cells, cell.turn, abandoned);
      Atomics.notify(cells, cell.turn);
    },
  };
}

const cell = { turn: 0, next: 1 } as const;
const abandoned = -1;
