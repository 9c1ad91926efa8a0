import { seededRandom } from '../../platform-suite/faults.ts';

/** What inputs are made from. */
export interface FuzzRandom {
  /** A whole number in [0, bound). */
  below(bound: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** As many things as drawn from [least, most]. */
  several<T>(least: number, most: number, make: (at: number) => T): T[];
}

/** The random numbers of one input: any input can be made again without those before it. */
export function fuzzRandom(seed: number, input: number): FuzzRandom {
  const next = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(input + 1, 0x85ebca6b));
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    chance: (probability) => next() < probability,
    pick<T>(items: readonly T[]) {
      return items[below(items.length)] as T; // an empty list is not picked from
    },
    several: (least, most, make) => Array.from({ length: least + below(most - least + 1) }, (_, at) => make(at)),
  };
}
