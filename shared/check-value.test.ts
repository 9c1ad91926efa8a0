import { expect, test } from 'vitest';
import { z } from 'zod';
import { limits } from './limits.ts';
import { checkValue } from './check-value.ts';

const schema = z.object({ name: z.string().min(1) });

test('a value that the schema allows, and one that it does not', () => {
  expect(checkValue(schema, { name: 'a' })).toEqual({ success: true, data: { name: 'a' } });
  expect(checkValue(schema, { name: '' }).success).toBe(false);
});

test('an object that only pretends to have a length is an issue, and no error of the program', () => {
  const value: unknown = JSON.parse('{"name": {"length": {"toString": 1}}}');
  expect(() => schema.safeParse(value)).toThrow(TypeError);
  expect(checkValue(schema, value).error?.issues).toMatchObject([
    { path: [], message: expect.stringContaining('"length"') },
  ]);
});

test('a value nests as deep as the limit, and one deeper is an issue', () => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  expect(checkValue(z.unknown(), nested(limits.valueNestingMax)).success).toBe(true);
  expect(checkValue(z.unknown(), nested(limits.valueNestingMax + 1)).success).toBe(false);
  expect(checkValue(z.unknown(), nested(100_000)).success).toBe(false);
});
