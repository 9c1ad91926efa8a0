import { householderQr, type QrFactors } from './householder.ts';
import { stackA, stackB, totalRank, updateFactors } from './low-rank.ts';
import type { ColumnMatrix, LowRank, WeightedSum } from './low-rank.ts';

/** How far a result is from the sum it stands for, in the Frobenius norm. */
export interface Distance {
  /** |result - sum|. */
  readonly error: number;
  /** |sum|. */
  readonly norm: number;
  /** Sum of the lengths of the single updates: when it dwarfs `norm`, they cancel each other. */
  readonly parts: number;
}

/**
 * Measures one module; nothing of size [out, in] is formed. With one side's stack [B_1 B_2 ... B_result] written as Q R, the length
 * of any combination is that of R times the other side, since Q turns without stretching. Exact to float64's rounding of the
 * summands, where products of Gram matrices would lose half the digits.
 */
export function distanceFromSum(result: LowRank, sum: WeightedSum): Distance {
  const { inFeatures, outFeatures, updates } = sum;
  const parts = [...updates, result];
  const left = stackB(outFeatures, parts);
  const right = stackA(inFeatures, parts, [...updateFactors(sum), -1]);
  const [turned, other] = outFeatures <= inFeatures ? [left, right] : [right, left];
  const qr = householderQr(turned);
  const norm = (from: number, to: number): number => normOfColumns(qr, other, from, to);
  const total = totalRank(sum);
  let lengths = 0;
  let start = 0;
  for (const { r } of updates) {
    lengths += norm(start, start + r);
    start += r;
  }
  return { error: norm(0, total + result.r), norm: norm(0, total), parts: lengths };
}

/** error / norm, over one module or several together; 0 when both vanish, infinite when only the sum does. */
export function relativeDistance(distances: readonly Distance[]): number {
  const error = Math.hypot(...distances.map((distance) => distance.error));
  const norm = Math.hypot(...distances.map((distance) => distance.norm));
  return error === 0 ? 0 : error / norm;
}

/** |R[:, from..to] @ other[:, from..to]^T|, a block of other's rows at a time so that it stays in the processor's cache. */
function normOfColumns({ R, size }: QrFactors, other: ColumnMatrix, from: number, to: number): number {
  const { rows, columns, data } = other;
  const block = new Float64Array(blockRows);
  let squares = 0;
  for (let top = 0; top < rows; top += blockRows) {
    const row = block.subarray(0, Math.min(blockRows, rows - top));
    for (let i = 0; i < Math.min(size, to); i++) {
      row.fill(0);
      for (let k = Math.max(i, from); k < to; k++) {
        const factor = R[i * columns + k] as number;
        const column = data.subarray(k * rows + top, k * rows + top + row.length);
        for (let j = 0; j < row.length; j++) row[j] = (row[j] as number) + factor * (column[j] as number);
      }
      for (const value of row) squares += value * value;
    }
  }
  return Math.sqrt(squares);
}

const blockRows = 256;
