import { previewDataset as operation } from '../../shared/contract/datasets.ts';
import { readLines, type TextLine } from '../../shared/formats/jsonl.ts';
import { requireReadyBase } from '../../shared/records/bases.ts';
import { blobSource } from '../../shared/records/blob-source.ts';
import { getDatasetRecord, readyDataset } from '../../shared/records/datasets.ts';
import { readDataset } from '../../shared/text/dataset.ts';
import type { EncodedRow } from '../../shared/text/encode-row.ts';
import { trainedRuns } from '../../shared/text/trained-runs.ts';
import { handler } from '../http/handler.ts';
import { withBaseText } from './base-text.ts';

export const previewDataset = handler(operation, async (deps, { team }, { params, query }) => {
  const { world } = deps;
  const dataset = readyDataset((await getDatasetRecord(world.table, team, params.dataset)).value);
  const { value: base } = await requireReadyBase(world.table, team, query.base);
  return withBaseText(deps, base, async (text) => {
    const contextMax = query.contextTokens ?? base.contextTokens ?? Number.MAX_SAFE_INTEGER;
    const lines = firstRows(readLines(blobSource(world, dataset.file)), query.rows);
    const rows: EncodedRow[] = [];
    const { findings } = await readDataset(lines, text, { name: dataset.name, contextMax }, (read) => {
      rows.push(...read.slice(0, query.rows - rows.length)); // of one line, several rows may be made
    });
    return {
      rows: rows.map((row) => ({
        line: row.line,
        tokens: row.tokens.length,
        trainedTokens: row.trained.reduce((sum, trained) => sum + trained, 0),
        runs: trainedRuns(text.tokenizer, row),
      })),
      findings: [...findings],
    };
  });
});

/** Lines up to the last of so many rows; empty lines are none. */
async function* firstRows(lines: AsyncIterable<TextLine>, rows: number): AsyncGenerator<TextLine> {
  let left = rows;
  for await (const line of lines) {
    yield line;
    if (line.text.trim() !== '' && --left === 0) return;
  }
}
