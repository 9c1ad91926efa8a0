import { DomainError } from '../../shared/errors.ts';
import { cat } from './cat.ts';
import type { Combination } from './combination.ts';
import { linear } from './linear.ts';
import { svd } from './svd.ts';

/** Every combination, by PEFT's `combination_type`. A new one is a file and a line here. */
export const combinations = { linear, cat, svd } as const satisfies Readonly<Record<string, Combination>>;

export type CombinationName = keyof typeof combinations;

/** Throws `DomainError('combination-unknown')` that lists the known names. */
export function findCombination(name: string): Combination {
  if (Object.hasOwn(combinations, name)) return combinations[name as CombinationName]; // hasOwn has just said so
  const known = Object.keys(combinations).join(', ');
  throw new DomainError('combination-unknown', `There is no combination "${name}"; there are ${known}.`);
}
