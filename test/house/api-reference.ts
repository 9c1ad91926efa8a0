/** `npm run openapi`: writes docs/openapi.json and docs/api-reference.md. Their difference from the contract fails `npm run check`. */
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { referenceText } from '../../functions/docs/reference-text.ts';
import { makeReference } from '../../functions/docs/reference.ts';
import { openApiDocument } from '../../shared/contract/openapi.ts';
import type { Operation } from '../../shared/contract/operation.ts';
import { operations } from '../../shared/contract/operations.ts';

/** Path and text of every file, in the format of the house. */
export async function apiFiles(table: readonly Operation[] = operations): Promise<ReadonlyMap<string, string>> {
  const document = openApiDocument(table);
  const files: [string, string][] = [
    ['docs/openapi.json', JSON.stringify(document)],
    ['docs/api-reference.md', referenceText(makeReference(document, table))],
  ];
  const formatted = new Map<string, string>();
  for (const [path, text] of files)
    formatted.set(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
  return formatted;
}

/** Files that do not say what the contract says. */
export async function apiDrift(table: readonly Operation[] = operations): Promise<string[]> {
  const findings: string[] = [];
  for (const [path, text] of await apiFiles(table))
    if (text !== (await readFile(path, 'utf8').catch(() => '')))
      findings.push(`${path} is not what shared/contract says: run npm run openapi`);
  return findings;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const [path, text] of await apiFiles()) await writeFile(path, text);
