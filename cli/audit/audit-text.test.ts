import { expect, test } from 'vitest';
import { csvHead, csvLine } from './audit-text.ts';
import { timeOf, timeQuery } from './time-range.ts';

const row = { at: '2026-11-29T18:00:00.000Z', action: 'key.create', resource: 'keys/1', keyId: 'k', requestId: 'r' };

test('a row is a line of CSV, and what a spreadsheet would take for a formula is text', () => {
  expect(csvHead.split(',')).toHaveLength(10);
  expect(csvLine(row)).toBe('2026-11-29T18:00:00.000Z,done,key.create,keys/1,k,,,,r,');
  const from = { address: '127.0.0.1', userAgent: '=HYPERLINK("http://x")' };
  expect(csvLine({ ...row, outcome: 'denied', from, detail: { name: 'a,b' } })).toBe(
    `2026-11-29T18:00:00.000Z,denied,key.create,keys/1,k,127.0.0.1,"'=HYPERLINK(""http://x"")",,r,"{""name"":""a,b""}"`,
  );
});

test('times are in UTC, to the day, the minute or finer, and what is none is refused', () => {
  const now = Date.parse('2026-11-29T23:59:59Z');
  expect(timeQuery({}, now)).toEqual({ day: '2026-11-29' });
  expect(timeQuery({ day: '2026-11-28' }, now)).toEqual({ day: '2026-11-28' });
  expect(timeQuery({ from: '2026-11-28', to: '2026-11-28T18:30' }, now)).toEqual({
    from: '2026-11-28T00:00:00.000Z',
    to: '2026-11-28T18:30:00.000Z',
  });
  expect(timeOf('--from', '2026-11-28T18:30:01.5Z')).toBe('2026-11-28T18:30:01.500Z');
  for (const flags of [
    { to: '2026-11-28' },
    { day: '2026-11-28', from: '2026-11-28' },
    { from: 'yesterday' },
    { from: '2026-13-01' },
  ])
    expect(() => timeQuery(flags, now)).toThrow();
});
