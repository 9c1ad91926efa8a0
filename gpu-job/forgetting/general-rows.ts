import { basename } from 'node:path';
import type { General } from '../../shared/contract/specs/spec-fields.ts';
import type { Finding } from '../../shared/errors.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import type { BaseText } from '../jobs/base-text.ts';
import { labelCount, type TokenRow } from '../training/batches.ts';
import { generalTexts } from './general-texts.ts';

/** Reads what a model should not forget: the first rows of a file or of the texts that are built in. Longer rows are cut at the context. */
export async function readGeneralRows(
  { data, rowsMax }: General,
  text: Pick<BaseText, 'readRows' | 'readTexts'>,
  contextMax: number,
  findings: Finding[],
): Promise<readonly TokenRow[]> {
  const options = { contextMax, longRows: 'truncate' } as const;
  if (data === undefined) return (await text.readTexts(generalTexts.slice(0, rowsMax), options)).rows;
  const found: Finding[] = [];
  const dataset = await collectFindings(found, 'general', () => text.readRows(data, options));
  const rows = (dataset?.rows ?? []).filter((row) => labelCount(row) > 0).slice(0, rowsMax);
  findings.push(...found, ...(dataset?.findings ?? []));
  if (dataset && rows.length === 0)
    findings.push({ severity: 'error', code: 'general', where: 'general', message: `${data} has no row with a label` });
  return rows;
}

/** What the report calls the text. */
export const generalTextName = (general: General | undefined): string =>
  general?.data === undefined ? 'built-in' : basename(general.data);
