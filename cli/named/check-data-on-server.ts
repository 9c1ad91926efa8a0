import { previewDataset } from '../../shared/contract/datasets.ts';
import { DomainError } from '../../shared/errors.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import type { NamedForm } from '../command.ts';
import { findingText } from '../error-text.ts';
import { previewText } from '../report-text.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { withSuggestions } from '../server/suggest.ts';
import { datasetFor } from './dataset-for.ts';
import { textAt } from './named-options.ts';

/** `lorary data check` against a base of the server: the rows are sent unless they are there, and shown as that base sees them. */
export const checkDataOnServer: NamedForm['run'] = async (spec, json, io) => {
  const dataText = textAt(spec['data']);
  if (dataText === undefined) throw new DomainError('usage', 'The rows are missing: --data FILE');
  const api = await connect(io);
  const dataset = await datasetFor(api, dataText, json, io);
  const base = textAt(spec['base']) ?? '';
  const { previewRows, contextTokens } = spec;
  const preview = await withSuggestions(api, { base: [base] }, () =>
    api.call(previewDataset, {
      params: { dataset: dataset.name },
      query: { base, rows: previewRows ?? 3, ...(contextTokens === undefined ? {} : { contextTokens }) },
    }),
  );
  const findings = [...asFindings(dataset.findings), ...asFindings(preview.findings)];
  const usable = findings.every(({ severity }) => severity !== 'error');
  if (json) io.print(JSON.stringify({ dataset, preview }));
  else {
    io.print(`${(dataset.rows ?? 0).toLocaleString('en')} rows of ${dataset.format ?? 'no known format'}`);
    for (const row of preview.rows) io.print(previewText(row));
    for (const finding of findings) io.note(`${finding.severity}: ${findingText(finding)}`);
  }
  return usable ? exitCodes.done : exitCodes.refused;
};
