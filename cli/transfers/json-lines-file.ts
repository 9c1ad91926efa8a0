import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { refuseErrors } from '../../shared/errors.ts';
import { holdsJsonLines, openRowFiles } from '../../shared/files/row-files.ts';
import { lineProblem } from '../../shared/formats/jsonl.ts';
import { datasetFindings } from '../../shared/text/dataset-findings.ts';
import { rowKeys } from '../../shared/text/row-format.ts';

/**
 * Calls `use` with a file of JSON lines: the path itself, or a temporary one with the rows of a table or a folder. Throws
 * `DomainError('dataset')` with every row that cannot be read.
 */
export async function withJsonLines<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (await holdsJsonLines(path)) return use(path);
  const folder = await mkdtemp(join(tmpdir(), 'lorary-rows-'));
  try {
    const file = join(folder, 'data.jsonl');
    await writeJsonLines(path, file);
    return await use(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeJsonLines(path: string, target: string): Promise<void> {
  const files = await openRowFiles(path, rowKeys);
  const findings = datasetFindings({ name: files.name, placeOf: (line) => files.placeOf(line) });
  let count = 0;
  await pipeline(async function* () {
    for await (const line of files.lines()) {
      count++;
      const message = lineProblem(line);
      if (message === undefined) yield `${line.text}\n`;
      else findings.add({ severity: 'error', code: `line-${line.problem}`, message }, count);
    }
  }, createWriteStream(target));
  refuseErrors('dataset', `${path} cannot be read:`, findings.list());
}
