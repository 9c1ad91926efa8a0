import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (path: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const words = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** The blocks of TypeScript of a page that do not stand in any of the files. */
function strangers(page: string, files: readonly string[]): string[] {
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => words(code ?? ''));
  expect(blocks.length).toBeGreaterThan(1);
  return blocks.filter((code) => !files.some((file) => words(file).includes(code)));
}

const files = (): Promise<string[]> =>
  Promise.all(
    ['models/qwen3.ts', 'nn/attention.ts', 'methods/olora.ts', 'methods/dora.ts'].map((name) =>
      read(`gpu-job/${name}`),
    ),
  );

test('the code that docs/extending.md shows is the code that is there', async () => {
  expect(strangers(await read('docs/extending.md'), await files())).toEqual([]);
});

test('a line that has changed is noticed', async () => {
  const page = (await read('docs/extending.md')).replace('queryKeyNorm: true', 'queryKeyNorm: false');
  expect(strangers(page, await files())).toHaveLength(1);
});
