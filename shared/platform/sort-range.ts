import type { RecordQuery } from './ports.ts';

/** The sort keys a query asks for, compared as UTF-8 bytes; an absent bound does not bind. */
export interface SortRange {
  /** Sort keys above this. */
  readonly above?: string;
  /** Sort keys from this on. */
  readonly from?: string;
  /** Sort keys below this. */
  readonly below?: string;
}

export function sortRange(query: Pick<RecordQuery, 'prefix' | 'after' | 'reverse'>): SortRange {
  const { prefix = '', after, reverse = false } = query;
  const end = firstBeyond(prefix);
  const page = after === undefined ? {} : reverse ? { below: after } : { above: after };
  return {
    ...(prefix === '' ? {} : { from: prefix }),
    ...(end === undefined ? {} : { below: end }),
    ...narrower(page, end),
  };
}

/** Keeps the prefix's end where the page's bound would reach beyond it. */
function narrower(page: SortRange, end: string | undefined): SortRange {
  if (page.below === undefined || end === undefined) return page;
  return Buffer.compare(Buffer.from(page.below), Buffer.from(end)) < 0 ? page : {};
}

/**
 * The smallest text above everything that begins with `prefix`: its last code point raised by one. UTF-8 bytes sort as code points do.
 * Absent when nothing is above.
 */
function firstBeyond(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number); // a character has a code point
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // surrogates are no characters, so the one after U+D7FF is U+E000
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
