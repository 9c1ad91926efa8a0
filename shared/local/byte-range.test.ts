import { expect, test } from 'vitest';
import { parseRange } from './byte-range.ts';

test('a range that begins at or after the end, or asks for nothing, cannot be satisfied', () => {
  expect(parseRange('bytes=10-', 10)).toBe('unsatisfiable');
  expect(parseRange('bytes=10-20', 10)).toBe('unsatisfiable');
  expect(parseRange('bytes=-0', 10)).toBe('unsatisfiable');
  expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
  expect(parseRange('bytes=-1', 0)).toBe('unsatisfiable');
});

test('several ranges, other units and nonsense ask for everything', () => {
  for (const header of [
    undefined,
    '',
    'bytes=-',
    'bytes=0-1,3-4',
    'lines=0-1',
    'bytes=5-3',
    'bytes=a-b',
    'bytes=1',
    'bytes=-1-2',
  ]) {
    expect(parseRange(header, 10)).toBeUndefined();
  }
});

test('ranges are cut at the end of the content', () => {
  expect(parseRange('bytes=0-0', 10)).toEqual({ first: 0, last: 0 });
  expect(parseRange('bytes=9-', 10)).toEqual({ first: 9, last: 9 });
  expect(parseRange('Bytes= 2-99 ', 10)).toEqual({ first: 2, last: 9 });
  expect(parseRange('bytes=-4', 10)).toEqual({ first: 6, last: 9 });
  expect(parseRange('bytes=-40', 10)).toEqual({ first: 0, last: 9 });
  expect(parseRange(`bytes=${'9'.repeat(400)}-`, 10)).toBe('unsatisfiable');
});
