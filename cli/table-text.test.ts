import { expect, test } from 'vitest';
import { tableText } from './table-text.ts';

test('what would steer the terminal is taken out', () => {
  expect(tableText(['a'], [['x\u001B[2Jy\nz']])).toBe('a\nx [2Jy z');
});

test('columns are as wide as they must be, numbers stand at the right, and lines end with text', () => {
  const rows = [
    ['french', 3, ''],
    ['x', 12, 'latest'],
  ] as const;
  expect(tableText(['name', 'versions', 'aliases'], rows)).toBe(
    ['name    versions  aliases', 'french         3', 'x             12  latest'].join('\n'),
  );
});
