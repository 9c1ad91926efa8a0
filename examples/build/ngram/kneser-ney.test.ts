import { describe, expect, it } from 'vitest';
import { kneserNey, kneserNeyDiscounts } from './kneser-ney.ts';
import { scoreRows } from './score-rows.ts';

/** Rows of a chain in which each token follows from the two before it four times in five. */
function chain(): number[][] {
  let state = 1;
  const draw = (n: number): number => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * n);
  };
  return Array.from({ length: 60 }, () => {
    const row = [1 + draw(4), 1 + draw(4)];
    for (let i = 2; i < 40; i++)
      row.push(draw(5) === 0 ? 1 + draw(4) : 1 + (((row[i - 2] ?? 0) * 3 + (row[i - 1] ?? 0)) % 4));
    return row;
  });
}

const rows = chain();
const options = { vocabulary: 6, boundary: 0 };

describe('kneserNey', () => {
  it.each([1, 2, 3] as const)('gives probabilities that add up to 1 after any context, order %i', (order) => {
    const model = kneserNey(rows, { ...options, order });
    for (const context of [
      [1, 2],
      [2, 3],
      [0, 0],
      [4, 4],
      [5, 5],
    ]) {
      const total = [0, 1, 2, 3, 4, 5].reduce((sum, token) => sum + model(token, context), 0);
      expect(total).toBeCloseTo(1, 12);
    }
  });

  it('has learnt what follows two tokens, and leaves something for what it never saw', () => {
    const model = kneserNey(rows, { ...options, order: 3 });
    expect(model(1 + ((1 * 3 + 2) % 4), [1, 2])).toBeGreaterThan(0.7);
    expect(model(5, [1, 2])).toBeGreaterThan(0);
  });

  it('estimates the discounts from the counts of counts', () => {
    // n1 = 4, n2 = 2, n3 = 1, n4 = 1: Y = 1/2
    expect(kneserNeyDiscounts([1, 1, 1, 1, 2, 2, 3, 4])).toEqual([0, 0.5, 1.25, 1]);
  });

  it('scores a longer context no worse on the text it was made from', () => {
    const loss = (order: 1 | 2 | 3): number => scoreRows(rows, kneserNey(rows, { ...options, order }), 0);
    expect(loss(2)).toBeLessThan(loss(1));
    expect(loss(3)).toBeLessThan(loss(2));
  });

  it('counts every token but the first of each row', () => {
    expect(scoreRows([[5, 1], [2]], () => Math.exp(-2), 0)).toBeCloseTo(2, 12);
  });
});
