import fc from 'fast-check';
import { expect, test } from 'vitest';
import { uniform } from '../../test/support/random-base.ts';
import { householderQr } from './householder.ts';
import type { ColumnMatrix } from './low-rank.ts';

function randomMatrix(rows: number, columns: number, seed: number): ColumnMatrix {
  const random = uniform(seed);
  return { rows, columns, data: Float64Array.from({ length: rows * columns }, () => 2 * random() - 1) };
}

/** Q R back together: R's columns sent through the reflections. */
function rebuilt({ rows, columns, data }: ColumnMatrix): number {
  const qr = householderQr({ rows, columns, data });
  const R = new Float64Array(qr.size * columns);
  for (let j = 0; j < columns; j++)
    for (let i = 0; i < qr.size; i++) R[j * qr.size + i] = qr.R[i * columns + j] as number;
  const product = qr.multiplyQ({ rows: qr.size, columns, data: R });
  return Math.max(0, ...product.data.map((value, i) => Math.abs(value - (data[i] as number))));
}

test('Q R is the matrix, whether tall, wide or square', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.nat(), (rows, columns, seed) => {
      expect(rebuilt(randomMatrix(rows, columns, seed))).toBeLessThan(1e-13);
    }),
  );
});

test('the columns of Q are orthonormal, also where the matrix has repeated and zero columns', () => {
  const { data } = randomMatrix(9, 4, 5);
  data.copyWithin(9, 0, 9);
  data.fill(0, 18, 27);
  const qr = householderQr({ rows: 9, columns: 4, data });
  const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  const Q = qr.multiplyQ({ rows: 4, columns: 4, data: identity }).data;
  for (let a = 0; a < 4; a++)
    for (let b = 0; b < 4; b++) {
      let dot = 0;
      for (let i = 0; i < 9; i++) dot += (Q[a * 9 + i] as number) * (Q[b * 9 + i] as number);
      expect(dot).toBeCloseTo(a === b ? 1 : 0, 13);
    }
  expect(rebuilt({ rows: 9, columns: 4, data })).toBeLessThan(1e-13);
});

test('the smallest and largest float32 values neither vanish nor overflow', () => {
  const { data } = randomMatrix(6, 3, 7);
  for (const scale of [1e-45, 1e38]) {
    const scaled = data.map((value) => value * scale);
    expect(rebuilt({ rows: 6, columns: 3, data: scaled })).toBeLessThan(1e-13 * scale);
  }
});
