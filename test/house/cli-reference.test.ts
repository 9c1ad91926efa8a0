import { expect, test } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { cliReference, cliReferenceFindings, findDrift } from './cli-reference.ts';

test('a flag that changed is found', async () => {
  const text = await cliReference();
  const changed = commands.map((command) =>
    command.name === 'ls' ? { ...command, summary: `${command.summary} Planted.` } : command,
  );
  expect(await cliReferenceFindings(text, changed)).toEqual([expect.stringContaining('npm run docs:cli')]);
  expect(await cliReferenceFindings(text.replace('--base', '--bse'))).toHaveLength(1);
});

test('the reference says what the table of commands says', async () => {
  expect(await findDrift()).toEqual([]);
});
