import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duplicateJsonKeys } from './duplicate-json-keys.ts';

describe('duplicateJsonKeys', () => {
  it.each([
    ['{"a":1,"a":2}', [['a']]],
    ['{"a":1,"a":2,"a":3}', [['a'], ['a']]],
    ['{"a":{"b":1,"b":2},"c":{"b":1}}', [['a', 'b']]],
    ['{"a":[{"b":1},{"b":1,"b":2}]}', [['a', 'b']]],
    ['{"a":1,"\\u0061":2}', [['a']]],
    ['{"a\\"":1,"b":"a\\"","a\\"":2}', [['a"']]],
    ['{"__proto__":1,"__proto__":2}', [['__proto__']]],
    [' { "a" : "x" , "b" : [ "a" , "a" ] } ', []],
    ['["a","a",{"a":"a"},{"a":"a"}]', []],
    ['{"a":"\\\\","b":"{\\"a\\":1,\\"a\\":2}"}', []],
    ['"a"', []],
    ['{}', []],
  ])('%s', (json, expected) => {
    expect(duplicateJsonKeys(json)).toEqual(expected);
  });

  it('finds nothing in what JSON.stringify writes (property)', () => {
    fc.assert(fc.property(fc.json(), (json) => duplicateJsonKeys(json).length === 0));
  });
});
