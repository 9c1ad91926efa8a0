import type { EncodedRow } from './encode-row.ts';
import type { RowNote } from './row-format.ts';

/** What is done with rows over the context: an error, cut at their end, or (plain text only) several rows. */
export type LongRows = 'refuse' | 'truncate' | 'split';

/** The parts of a row that fit `contextMax` tokens, with notes on what was done; no parts when a note is an error. */
export function fitRow(
  row: EncodedRow,
  options: { readonly contextMax: number; readonly longRows: LongRows; readonly isText: boolean },
): { readonly rows: readonly EncodedRow[]; readonly notes: readonly RowNote[] } {
  const { contextMax, longRows, isText } = options;
  const length = row.tokens.length;
  if (!row.trained.includes(1))
    return refused('nothing-trained', 'has no token that could be predicted from another one');
  if (length <= contextMax) return { rows: [row], notes: [] };
  const size = `has ${length} tokens, and the context has ${contextMax}`;
  if (longRows === 'refuse')
    return refused('row-too-long', `${size}: shorten it, or let long rows be truncated${isText ? ' or split' : ''}`);
  if (longRows === 'split') {
    if (!isText) return refused('row-too-long', `${size}; only rows of plain text can be split`);
    const rows = split(row, contextMax);
    return { rows, notes: [warning('row-split', `${size}; it becomes ${rows.length} rows`)] };
  }
  const cut = part(row, 0, contextMax);
  if (!cut.trained.includes(1)) return refused('row-too-long', `${size}; its answer would be cut off whole`);
  return { rows: [cut], notes: [warning('row-truncated', `${size}; the end is cut off`)] };
}

/** Each part begins with the token that the one before ended with, so that every label keeps one and only one place. */
function split(row: EncodedRow, contextMax: number): EncodedRow[] {
  const parts: EncodedRow[] = [];
  const step = Math.max(1, contextMax - 1);
  for (let start = 0; start < row.tokens.length - 1; start += step) parts.push(part(row, start, contextMax));
  return parts.filter(({ trained }) => trained.includes(1));
}

function part({ line, tokens, trained }: EncodedRow, start: number, length: number): EncodedRow {
  const marks = trained.slice(start, start + length);
  marks[0] = 0; // what could predict it is not in this part
  return { line, tokens: tokens.slice(start, start + length), trained: marks };
}

const refused = (code: string, message: string) => ({
  rows: [],
  notes: [{ severity: 'error', code, message }] as const,
});

const warning = (code: string, message: string): RowNote => ({ severity: 'warning', code, message });
