import { join } from 'node:path';
import type { DataCheckReport } from '../../shared/contract/reports.ts';
import type { DataCheckSpec } from '../../shared/contract/specs/data-check.ts';
import type { EncodedRow } from '../../shared/text/encode-row.ts';
import { trainedRuns } from '../../shared/text/trained-runs.ts';
import { readJsonFile } from '../folders/files.ts';
import { describeModel } from '../methods/tuned-model.ts';
import { openBaseText, openRows } from './base-text.ts';
import type { JobContext } from './job-context.ts';

/** Reads a dataset as training would and reports everything found; a dataset with errors is reported, not refused. */
export async function runDataCheck(spec: DataCheckSpec, context: JobContext): Promise<DataCheckReport> {
  const text = await openBaseText(spec.base);
  try {
    const config = (await readJsonFile(join(spec.base, 'config.json'))) as Record<string, unknown>; // describeModel checks it
    const contextMax = spec.contextTokens ?? describeModel(config).spec.maxPositions;
    const shown: EncodedRow[] = [];
    const { report, findings } = await text.readRows(
      await openRows(spec.data),
      { contextMax, longRows: 'refuse' },
      (rows) => {
        shown.push(...rows.slice(0, spec.previewRows - shown.length));
      },
    );
    for (const finding of findings) context.emit({ type: 'finding', finding });
    const usable = findings.every(({ severity }) => severity !== 'error') && report.trainedTokens > 0;
    const preview = shown.map((row) => ({ line: row.line, runs: trainedRuns(text.tokenizer, row) }));
    return { kind: 'data-check', data: spec.data, contextMax, usable, ...report, findings, preview };
  } finally {
    await text.close();
  }
}
