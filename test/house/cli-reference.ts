/** `npm run docs:cli`: writes docs/cli-reference.md. Its difference from what the table of commands says fails `npm run check`. */
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { Command } from '../../cli/command.ts';
import { commands } from '../../cli/commands.ts';
import { referenceText } from '../../cli/reference-text.ts';

const path = 'docs/cli-reference.md';

/** The reference as it should be, in the format of the house. */
export async function cliReference(table: readonly Command[] = commands): Promise<string> {
  return format(referenceText(table), { ...(await resolveConfig(path)), filepath: path });
}

/** What is wrong with the file; nothing when it says what the table says. */
export async function cliReferenceFindings(text: string, table: readonly Command[] = commands): Promise<string[]> {
  if (text === (await cliReference(table))) return [];
  return [`${path} is not what cli/commands.ts says: run npm run docs:cli`];
}

/** The same of the file that is there. */
export async function findDrift(): Promise<string[]> {
  return cliReferenceFindings(await readFile(path, 'utf8').catch(() => ''));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await writeFile(path, await cliReference());
