import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EncodedRow } from './encode-row.ts';
import { fitRow } from './fit-row.ts';

/** Tokens 0, 1, 2...; trained from `from` on. */
const row = (length: number, from = 1): EncodedRow => ({
  line: 3,
  tokens: Int32Array.from({ length }, (_, i) => i),
  trained: Uint8Array.from({ length }, (_, i) => (i >= from ? 1 : 0)),
});
const fit = (given: EncodedRow, contextMax: number, longRows: 'refuse' | 'truncate' | 'split', isText = true) =>
  fitRow(given, { contextMax, longRows, isText });
const codes = (fitted: ReturnType<typeof fitRow>): string[] =>
  fitted.notes.map(({ severity, code }) => `${severity} ${code}`);

test('a row as long as the context fits, one token more does not', () => {
  const fitting = row(8);
  expect(fit(fitting, 8, 'refuse')).toEqual({ rows: [fitting], notes: [] });
  const refused = fit(row(9), 8, 'refuse');
  expect(refused.rows).toEqual([]);
  expect(refused.notes[0]?.message).toBe(
    'has 9 tokens, and the context has 8: shorten it, or let long rows be truncated or split',
  );
  expect(codes(refused)).toEqual(['error row-too-long']);
});

test('a row is cut at its end, unless nothing trained would be left', () => {
  const cut = fit(row(9, 7), 8, 'truncate');
  expect(cut.rows).toEqual([{ line: 3, tokens: row(8).tokens, trained: row(8, 7).trained }]);
  expect(codes(cut)).toEqual(['warning row-truncated']);
  expect(codes(fit(row(9, 8), 8, 'truncate'))).toEqual(['error row-too-long']);
});

test('only plain text is split', () => {
  expect(codes(fit(row(9), 8, 'split', false))).toEqual(['error row-too-long']);
  expect(codes(fit(row(9), 8, 'split'))).toEqual(['warning row-split']);
});

test('a row in which nothing is trained is refused, however short', () => {
  expect(codes(fit(row(1), 8, 'refuse'))).toEqual(['error nothing-trained']);
});

test('splitting keeps every label once, behind the same token as before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 2, max: 20 }), (length, contextMax) => {
      const { rows } = fit(row(length), contextMax, 'split');
      const labels = rows.flatMap(({ tokens, trained }) => [...tokens].filter((_, i) => trained[i] === 1));
      expect(labels).toEqual([...row(length).tokens].slice(1));
      for (const part of rows) {
        expect(part.tokens.length).toBeLessThanOrEqual(contextMax);
        for (let i = 1; i < part.tokens.length; i++) expect(part.tokens[i]).toBe((part.tokens[i - 1] ?? 0) + 1);
      }
    }),
  );
});
