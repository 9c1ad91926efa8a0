import { expect, test } from 'vitest';
import { isDecided, mayBecome, newestUsable, type VersionState } from './version-states.ts';

const states: readonly VersionState[] = ['draft', 'validating', 'published', 'rejected', 'withdrawn'];

async function* given(...versions: readonly (readonly [number, VersionState])[]) {
  for (const [version, state] of versions) yield { version, state };
}

test('nothing leads out of rejected or withdrawn, and nothing leads back', () => {
  const moves = states.flatMap((from) => states.filter((to) => mayBecome(from, to)).map((to) => `${from} > ${to}`));
  expect(moves).toEqual([
    'draft > validating',
    'draft > rejected',
    'validating > published',
    'validating > rejected',
    'published > withdrawn',
  ]);
});

test('latest points nowhere when every version is withdrawn', async () => {
  expect(await newestUsable(given())).toBeUndefined();
  expect(await newestUsable(given([2, 'withdrawn'], [1, 'withdrawn']))).toBeUndefined();
});

test('latest points to the newest version that is not withdrawn', async () => {
  expect(await newestUsable(given([3, 'withdrawn'], [2, 'published'], [1, 'published']))).toBe(2);
});

test('a version is decided once it is published, rejected or withdrawn', () => {
  expect(states.filter((state) => isDecided(state))).toEqual(['published', 'rejected', 'withdrawn']);
});
