import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const flows = ['upload', 'train', 'compose', 'merge', 'denied'];

/** What the table of flows lacks, or says of tests that are not there. */
async function findings(text: string): Promise<string[]> {
  const found: string[] = [];
  const rows = new Map([...text.matchAll(/^\| (\w+) +\| (.*?) +\| `(.*?)`: (.*?) +\|$/gm)].map((row) => [row[1], row]));
  for (const flow of flows) {
    const [, , http = '', file = '', title = ''] = rows.get(flow) ?? [];
    for (const [name, wanted] of [
      ['http.test.ts', http],
      [file, title],
    ] as const) {
      const source = await readFile(`test/flows/${name}`, 'utf8').catch(() => '');
      if (wanted === '' || !source.includes(`test('${wanted}', `))
        found.push(`${flow}: ${name} has no test "${wanted}"`);
    }
  }
  return found;
}

test('a flow that is missing, and a test that is called otherwise, are found', async () => {
  const text = await readFile('test/flows/README.md', 'utf8');
  expect(await findings(text.replace(/^\| merge .*$/m, ''))).toHaveLength(2);
  expect(await findings(text.replace('a composite is', 'a composition is'))).toEqual([
    expect.stringMatching(/^compose: cli\/compose\.test\.ts has no test "a composition is/),
  ]);
});

test('each of the five flows is tested over HTTP and through the command line', async () => {
  expect(await findings(await readFile('test/flows/README.md', 'utf8'))).toEqual([]);
});
