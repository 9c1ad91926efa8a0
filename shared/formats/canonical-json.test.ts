import { expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

test('writes the example of RFC 8785, section 3.2.2 and 3.2.3', () => {
  const value = {
    numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
    literals: [null, true, false],
  };
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('sorts keys by UTF-16 code units, as the example of section 3.2.3', () => {
  const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
});

test('the order in which keys were given does not show, and what is undefined is not there', () => {
  expect(canonicalJson({ b: 1, a: { d: undefined, c: [] } })).toBe(canonicalJson({ a: { c: [] }, b: 1 }));
  expect(canonicalJson(-0)).toBe('0');
  expect(canonicalJson({ ['__proto__']: 1, a: 2 })).toBe('{"__proto__":1,"a":2}');
});

test.each([Number.NaN, Infinity, '\ud83d', { '\udc00': 1 }, [undefined], () => 1, 1n])('refuses %s', (value) => {
  expect(() => canonicalJson(value)).toThrow(/JSON has no form/);
});
