import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { commandsOf } from '../support/doc-commands.ts';

const scripts = Object.keys(
  (JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts,
);
const lorary = commands.map(({ name }) => name);
/** What brings a clone up to date. */
const plain = ['git pull', 'npm ci'];

/** What a page tells people to type and cannot be typed here. */
function unknownCommands(lines: readonly string[]): string[] {
  const unknown: string[] = [];
  for (const line of lines) {
    const words = line.replace(/^\w+=\S+ /, '');
    const [, tool = '', rest = ''] = /^(npm run|npx lorary|npx cdk|aws|gh) (.+)$/.exec(words) ?? [];
    const isKnown =
      tool === 'npm run'
        ? scripts.includes(rest.split(' ')[0] ?? '')
        : tool === 'npx lorary'
          ? lorary.some((name) => `${rest} `.startsWith(`${name} `))
          : tool !== '';
    if (!isKnown && !plain.includes(line)) unknown.push(line);
  }
  return unknown;
}

test('a script, a command and a tool that there are not are found', () => {
  const lines = ['npm run deploi -- dev', 'npx lorary smok', 'X=1 terraform apply', 'npx lorary base add x'];
  expect(unknownCommands(lines)).toEqual(lines.slice(0, 3));
});

test('what the way from a bare account to the first adapter tells people to type is there', async () => {
  const lines = commandsOf(await readFile('docs/team-setup.md', 'utf8'));
  expect(lines.length).toBeGreaterThan(15);
  expect(unknownCommands(lines)).toEqual([]);
});
