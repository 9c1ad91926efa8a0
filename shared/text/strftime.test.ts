import { expect, test } from 'vitest';
import { strftime } from './strftime.ts';

// expected values: Python's datetime.strftime in the C locale
const morning = new Date('2024-03-05T00:06:07Z');
const evening = new Date('2024-12-31T23:59:59Z');

test('dates and times are written as Python writes them', () => {
  expect(strftime(morning, '%d %b %Y, %A %a, %B, %m/%y')).toBe('05 Mar 2024, Tuesday Tue, March, 03/24');
  expect(strftime(morning, '%H:%M:%S %I%p day %j %Z %%')).toBe('00:06:07 12AM day 065 UTC %');
  expect(strftime(evening, '%I:%M %p, day %j')).toBe('11:59 PM, day 366');
  expect(strftime(morning, '%-d.%-m. %-H')).toBe('5.3. 0');
});

test('what is not known stays', () => {
  expect(strftime(morning, '100 % %Q %-Q %')).toBe('100 % %Q %-Q %');
});
