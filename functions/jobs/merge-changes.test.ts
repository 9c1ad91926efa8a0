import { expect, test } from 'vitest';
import { mergeChanges } from './merge-changes.ts';

test('objects are merged, everything else is replaced, and null takes a key away', () => {
  const value = { a: { b: 1, c: [1, 2] }, d: 'x', e: 1 };
  expect(mergeChanges(value, { a: { c: [3] }, d: { f: 1 }, e: null })).toEqual({ a: { b: 1, c: [3] }, d: { f: 1 } });
  expect(value).toEqual({ a: { b: 1, c: [1, 2] }, d: 'x', e: 1 });
  expect(mergeChanges({}, JSON.parse('{"__proto__":{"x":1}}'))).toEqual(JSON.parse('{"__proto__":{"x":1}}'));
});
