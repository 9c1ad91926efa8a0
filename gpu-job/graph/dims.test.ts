import fc from 'fast-check';
import { expect, test } from 'vitest';
import { divideDim, productOfDims, timesDim, type Dim } from './dims.ts';

const dim = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.constantFrom<Dim>('B', 'T', 'P', 'B*T', '3*T', '2*B*T'));

test('products of dimensions commute, associate, and are undone by division', () => {
  fc.assert(
    fc.property(dim, dim, dim, (a, b, c) => {
      expect(timesDim(a, b)).toBe(timesDim(b, a));
      expect(timesDim(timesDim(a, b), c)).toBe(timesDim(a, timesDim(b, c)));
      expect(divideDim(timesDim(a, b), b)).toBe(a);
    }),
  );
});

test('what does not divide for every value of the symbols is undefined', () => {
  expect(divideDim('T', 2)).toBeUndefined();
  expect(divideDim(6, 'T')).toBeUndefined();
  expect(divideDim('3*T', 'T')).toBe(3);
  expect(productOfDims([])).toBe(1);
  expect(productOfDims(['B', 4, 'T', 2])).toBe('8*B*T');
});
