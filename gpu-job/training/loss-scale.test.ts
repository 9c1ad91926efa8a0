import { expect, test } from 'vitest';
import { firstLossScale, lossScaleAfter } from './loss-scale.ts';

test('an overflow halves the factor and begins the count anew, down to 1', () => {
  expect(lossScaleAfter({ factor: 8, goodSteps: 7 }, true)).toEqual({ factor: 4, goodSteps: 0 });
  expect(lossScaleAfter({ factor: 1, goodSteps: 7 }, true)).toEqual({ factor: 1, goodSteps: 0 });
});

test('two thousand good steps double it, up to its largest', () => {
  expect(lossScaleAfter({ factor: 8, goodSteps: 1998 }, false)).toEqual({ factor: 8, goodSteps: 1999 });
  expect(lossScaleAfter({ factor: 8, goodSteps: 1999 }, false)).toEqual({ factor: 16, goodSteps: 0 });
  expect(lossScaleAfter({ factor: 2 ** 24, goodSteps: 1999 }, false).factor).toBe(2 ** 24);
  expect(lossScaleAfter({ factor: 2 ** 23, goodSteps: 1999 }, false).factor).toBe(2 ** 24);
});

test('it begins where gradients of a mean loss are neither lost nor beyond float16', () => {
  expect(firstLossScale).toEqual({ factor: 65_536, goodSteps: 0 });
});
