import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { aliasesOf, refuseReserved, refuseTooMany, rollbackTarget } from './alias-rules.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `a${i}`);

test('latest is the platform own', () => {
  expect(() => refuseReserved(['production', 'latest'])).toThrow(/moves "latest" itself/);
  expect(() => refuseReserved(['production'])).not.toThrow();
});

test('an adapter has as many aliases as the limit says, and not one more', () => {
  expect(() => refuseTooMany(['latest', ...names(limits.aliasesMax)], ['a0'])).not.toThrow();
  expect(() => refuseTooMany(names(limits.aliasesMax), ['one-more'])).toThrow(/remove one/);
});

test('what points to a version leaves out latest', () => {
  expect(aliasesOf({ latest: 2, stable: 2, beta: 2, old: 1 }, 2)).toEqual(['beta', 'stable']);
});

test('there is nothing to roll back to when an alias has only ever pointed to one version', () => {
  expect(rollbackTarget([])).toBeUndefined();
  expect(rollbackTarget([{ version: 1 }])).toBeUndefined();
  expect(rollbackTarget([{ version: 1 }, { version: null }, { version: 1 }])).toBeUndefined();
});

test('a rollback leads to the version before, past removals, and a second one undoes it', () => {
  const steps = [{ version: 3 }, { version: null }, { version: 2 }, { version: 1 }];
  expect(rollbackTarget(steps)).toBe(2);
  expect(rollbackTarget([{ version: 2 }, ...steps])).toBe(3);
  expect(rollbackTarget([{ version: null }, { version: 2 }])).toBe(2);
});
