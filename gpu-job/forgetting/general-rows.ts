import { basename } from 'node:path';
import type { General } from '../../shared/contract/specs/spec-fields.ts';
import type { Finding } from '../../shared/errors.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { openRows, type BaseText } from '../jobs/base-text.ts';
import { labelCount, type TokenRow } from '../training/batches.ts';
import { rowsInMemory, type TokenRows } from '../training/token-rows.ts';
import { generalTexts } from './general-texts.ts';

/**
 * Reads what a model should not forget: the first rows of a file or of the texts that are built in; none where it is not asked for. Longer
 * rows are cut at the context.
 */
export async function readGeneralRows(
  general: General | undefined,
  text: Pick<BaseText, 'readRows' | 'readTexts'>,
  contextMax: number,
  findings: Finding[],
): Promise<TokenRows> {
  if (!general) return rowsInMemory([]);
  const { data, rowsMax } = general;
  const options = { contextMax, longRows: 'truncate' } as const;
  const rows: TokenRow[] = [];
  const take = (read: readonly TokenRow[]): void => {
    rows.push(...read.filter((row) => labelCount(row) > 0).slice(0, rowsMax - rows.length));
  };
  if (data === undefined) {
    await text.readTexts(generalTexts.slice(0, rowsMax), options, take);
    return rowsInMemory(rows);
  }
  const found: Finding[] = [];
  const dataset = await collectFindings(found, 'general', async () =>
    text.readRows(await openRows(data), options, take),
  );
  findings.push(...found, ...(dataset?.findings ?? []));
  if (dataset && rows.length === 0)
    findings.push({ severity: 'error', code: 'general', where: 'general', message: `${data} has no row with a label` });
  return rowsInMemory(rows);
}

/** What the report calls the text. */
export const generalTextName = (general: General | undefined): string =>
  general?.data === undefined ? 'built-in' : basename(general.data);
