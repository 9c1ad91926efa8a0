import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { specKinds } from '../../shared/contract/specs/parse-spec.ts';

const folders = ['bench', 'cli', 'docs', 'examples', 'functions', 'gpu-job', 'infra', 'shared', 'test'];
/** A path of the repository in backquotes: no placeholder, no pattern. */
const namedFile = new RegExp(`\`((?:${folders.join('|')})/[\\w./-]+\\.(?:json|md|ts|py))\``, 'g');
const link = /\]\(([^)\s#:]+)(?:#[^)]*)?\)/g;

/** Files that a document leads to and that are not there. */
function missing(document: string, text: string): string[] {
  const linked = [...text.matchAll(link)].map(([, to = '']) => join(dirname(document), to));
  const named = [...text.matchAll(namedFile)].map(([, path = '']) => path);
  const isThere = (path: string): boolean => existsSync(path) || existsSync(join(dirname(document), path));
  return [...linked.filter((path) => !existsSync(path)), ...named.filter((path) => !isThere(path))];
}

/** Decisions that share a number with another. */
function sharedNumbers(names: readonly string[]): string[] {
  const number = (name: string): string => name.slice(0, 4);
  return names.filter((name) => names.some((other) => other !== name && number(other) === number(name)));
}

function repeatedWords(glossary: string): string[] {
  const words = [...glossary.matchAll(/^\| ([^|]+?) +\|/gm)].map(([, word = '']) => word);
  return words.filter((word, i) => words.indexOf(word) !== i);
}

async function documents(): Promise<string[]> {
  const found = await Promise.all(
    ['docs', 'examples', 'test'].map(async (folder) =>
      (await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
    ),
  );
  return ['README.md', ...found.flat().filter((path) => path.endsWith('.md'))];
}

test('a link to nothing, a file that has gone and a number given twice are found', () => {
  expect(missing('docs/page.md', 'see [this](not-here.md#part), `shared/gone.ts` and `shared/errors.ts`')).toEqual([
    'docs/not-here.md',
    'shared/gone.ts',
  ]);
  expect(sharedNumbers(['0001-a.md', '0002-b.md', '0002-c.md'])).toEqual(['0002-b.md', '0002-c.md']);
});

test('what the documents lead to is there', async () => {
  const found = await documents();
  expect(found.length).toBeGreaterThan(10);
  for (const path of found)
    expect({ path, missing: missing(path, await readFile(path, 'utf8')) }).toEqual({ path, missing: [] });
});

test('every decision has its own number', async () => {
  expect(sharedNumbers(await readdir('docs/adr'))).toEqual([]);
});

test('each word of the glossary stands there once', async () => {
  const glossary = await readFile('docs/glossary.md', 'utf8');
  expect(repeatedWords(glossary)).toEqual([]);
  expect(repeatedWords(`${glossary}| merge | again |\n`)).toEqual(['merge']);
});

test('every kind of job has its row', async () => {
  const jobs = await readFile('docs/jobs.md', 'utf8');
  expect(specKinds.filter((kind) => !new RegExp(`^\\| \`${kind}\` +\\|`, 'm').test(jobs))).toEqual([]);
});
