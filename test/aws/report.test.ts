import { expect, test } from 'vitest';
import { expectedFailures, mustFail } from './expected-failures.ts';
import { belowMinimum, summarise, type TestResults } from './report.ts';

const endpoints = { table: { t: 'x' }, blobs: { a: 'x', b: 'x' }, events: {}, keys: {} };
const gaps = { a: { 'blobs: gap': 'why' } };

function results(...rows: readonly (readonly [string, string, string])[]): TestResults {
  const assertionResults = rows.map(([emulator, title, status]) => ({ ancestorTitles: [emulator], title, status }));
  return { testResults: [{ assertionResults }] };
}

test('an expected failure that passes fails the run', async () => {
  await expect(mustFail(async () => {})).rejects.toThrow(/take it off the list/);
  await mustFail(() => Promise.reject(new Error('as known')));
  await mustFail(() => Promise.reject(new Error('as known')), /known/);
  await expect(mustFail(() => Promise.reject(new Error('something else')), /known/)).rejects.toThrow('something else');
});

test('what failed, was skipped, did not run or holds nowhere is named', () => {
  const found = summarise(
    results(['a', 'blobs: one', 'failed'], ['b', 'blobs: one', 'passed'], ['b', 'blobs: two', 'pending']),
    gaps,
    endpoints,
  );
  expect(found.failed).toEqual([
    'a: blobs: one (failed)',
    'b: blobs: two (pending)',
    'it holds on no emulator: blobs: two',
    'an expected failure did not run: a: blobs: gap',
  ]);
  expect(summarise({ testResults: [{ assertionResults: [], message: 'broken' }] }, {}, endpoints).failed).toEqual([
    'a suite did not run: broken',
  ]);
});

test('a gap of one emulator has to hold on another', () => {
  expect(summarise(results(['a', 'blobs: gap', 'passed']), gaps, endpoints).failed).toHaveLength(1);
  const both = summarise(results(['a', 'blobs: gap', 'passed'], ['b', 'blobs: gap', 'passed']), gaps, endpoints);
  expect(both).toEqual({
    failed: [],
    titles: { a: ['blobs: gap'], b: ['blobs: gap'] },
    emulators: { a: { cases: 1, passed: 0, expectedFailed: 1 }, b: { cases: 1, passed: 1, expectedFailed: 0 } },
  });
});

test('fewer cases than once, or an emulator that was left out, are below the minimum', () => {
  const report = summarise(results(['a', 'blobs: one', 'passed']), {}, endpoints);
  const one = { cases: 1, passed: 1, expectedFailed: 0 };
  expect(belowMinimum(report, { a: one })).toEqual([]);
  expect(belowMinimum(report, { a: { ...one, cases: 2 } })).toHaveLength(1);
  expect(belowMinimum(report, { a: one, b: one })).toHaveLength(1);
});

test('every gap says why', () => {
  for (const titles of Object.values(expectedFailures))
    for (const why of Object.values(titles)) expect(why.length).toBeGreaterThan(10);
});
