import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyCondition, type KeyCondition } from './key-conditions.ts';

/** Few characters, so that keys and prefixes meet. */
const text = (minLength: number) =>
  fc
    .array(fc.constantFrom('a', 'b', '\u0001', 'é', '\ud7ff', '\ue000', '😀', '\u{10ffff}'), {
      minLength,
      maxLength: 3,
    })
    .map((characters) => characters.join(''));

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What DynamoDB would let in. */
function letsIn(
  { KeyConditionExpression, ExpressionAttributeValues: values, beside }: KeyCondition,
  key: string,
): boolean {
  const { ':low': low = '', ':below': below = '' } = values;
  const [, range = ''] = KeyConditionExpression.split(' AND #sort ');
  const inside: Record<string, boolean> = {
    '': true,
    '< :below': compare(key, below) < 0,
    '> :low': compare(key, low) > 0,
    '>= :low': compare(key, low) >= 0,
    'BETWEEN :low AND :below': compare(key, low) >= 0 && compare(key, below) <= 0,
  };
  expect(Object.keys(inside)).toContain(range);
  return inside[range] === true && !beside.includes(key);
}

test('a condition lets in exactly the keys that the query asks for, but for those beside it', () => {
  fc.assert(
    fc.property(
      text(1),
      text(0),
      fc.option(text(1), { nil: undefined }),
      fc.boolean(),
      (key, prefix, after, reverse) => {
        const query = { partition: 'p', limit: 1, prefix, reverse, ...(after === undefined ? {} : { after }) };
        const condition = keyCondition(query);
        const follows = after === undefined || (reverse ? compare(key, after) < 0 : compare(key, after) > 0);
        expect(condition !== undefined && letsIn(condition, key)).toBe(key.startsWith(prefix) && follows);
      },
    ),
    { numRuns: 2000 },
  );
});

test('an empty range is no condition, for DynamoDB refuses one that ends before it begins', () => {
  expect(keyCondition({ partition: 'p', limit: 1, prefix: 'a', after: 'c' })).toBeUndefined();
  expect(keyCondition({ partition: 'p', limit: 1, prefix: 'b', after: 'a', reverse: true })).toBeUndefined();
});

test('an index has keys of its own', () => {
  expect(keyCondition({ partition: 'p', limit: 1, index: 'index2', prefix: 'x' })?.ExpressionAttributeNames).toEqual({
    '#partition': 'pk2',
    '#sort': 'sk2',
  });
});
