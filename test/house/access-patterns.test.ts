import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import * as keysModule from '../../shared/records/keys.ts';

/** Every key, list and helper that the module has and the text does not name. */
function missing(text: string, module: Readonly<Record<string, unknown>>): string[] {
  const names = Object.entries(module).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? Object.keys(value).map((key) => `${name}.${key}`) : [name],
  );
  return names.filter((name) => !text.includes(`\`${name}\``) && !hidden.has(name));
}

/** The beginning of the sort keys that `keys.jobChunk` writes. */
const hidden: ReadonlySet<string> = new Set(['jobChunkPrefix']);

/** What the text names and the module does not have any more. */
function outdated(text: string, module: typeof keysModule): string[] {
  const named = [...text.matchAll(/`(keys|lists)\.(\w+)`/g)];
  return named
    .filter(([, group, key = '']) => !Object.hasOwn(group === 'keys' ? module.keys : module.lists, key))
    .map(([name]) => name);
}

test('a key that is not described, and a description without a key, are found', async () => {
  const text = await readFile('docs/access-patterns.md', 'utf8');
  const planted = { ...keysModule, lists: { ...keysModule.lists, planted: () => '' } };
  expect(missing(text, planted)).toEqual(['lists.planted']);
  expect(outdated(`${text}\`keys.planted\``, keysModule)).toEqual(['`keys.planted`']);
});

test('docs/access-patterns.md describes every key there is', async () => {
  const text = await readFile('docs/access-patterns.md', 'utf8');
  expect(missing(text, { ...keysModule })).toEqual([]);
  expect(outdated(text, keysModule)).toEqual([]);
});
