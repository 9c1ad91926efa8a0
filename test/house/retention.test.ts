import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import { keys } from '../../shared/records/keys.ts';

type Kinds = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const kinds: Kinds = { keys, blobKeys };

/** Kinds of records and blobs that no table row names, and rows of kinds that are no more. */
function differences(text: string, known: Kinds): string[] {
  const all = Object.entries(known).flatMap(([group, names]) => Object.keys(names).map((name) => `${group}.${name}`));
  const named = [...text.matchAll(/`((?:keys|blobKeys)\.\w+)`/g)].map(([, name = '']) => name);
  return [
    ...all.filter((name) => !named.includes(name)).map((name) => `${name} has no lifetime`),
    ...named.filter((name) => !all.includes(name)).map((name) => `${name} is no more`),
  ];
}

const unitSeconds: Readonly<Record<string, number>> = { day: 86_400, hour: 3600 };

/** Times in the text that are not those of the product, of those that name their limit. */
function wrongTimes(text: string, given: Readonly<Record<string, number>>): string[] {
  return [...text.matchAll(/`(\w+Seconds)` \((\d+) (day|hour)s?\)/g)]
    .filter(([, name = '', count, unit = '']) => given[name] !== Number(count) * (unitSeconds[unit] ?? NaN))
    .map(([found]) => found);
}

const page = (): Promise<string> => readFile('docs/retention.md', 'utf8');

test('a kind without a lifetime, one that is no more, and a time that is not that of the product are found', async () => {
  const text = await page();
  const planted = { ...kinds, keys: { ...keys, planted: () => '' } };
  expect(differences(`${text}\`blobKeys.old\``, planted)).toEqual([
    'keys.planted has no lifetime',
    'blobKeys.old is no more',
  ]);
  expect(wrongTimes(text, { ...limits, purgeHeldSeconds: 1 })).toEqual(['`purgeHeldSeconds` (1 day)']);
  expect(wrongTimes('`noSuchSeconds` (1 day)', limits)).toHaveLength(1);
});

test('docs/retention.md says how long every kind of record and blob lives, with the times of the product', async () => {
  const text = await page();
  expect(differences(text, kinds)).toEqual([]);
  expect(wrongTimes(text, limits)).toEqual([]);
  for (const name of ['deletedKeptSeconds', 'rejectedKeptSeconds', 'jobTracesKeptSeconds', 'uploadRecordKeptSeconds'])
    expect(text).toContain(`\`${name}\` (`);
});
