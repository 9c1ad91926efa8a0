import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import type { ModuleRanks } from '../../shared/domain/combination-rules.ts';
import { householderQr } from './householder.ts';
import { stackA, stackB, updateFactors, type ColumnMatrix, type LowRank, type WeightedSum } from './low-rank.ts';

/** How the singular values are shared out: their square roots to both factors, or all of them to B. */
export type SingularValueSide = 'both' | 'B';

/** A best approximation and every singular value of what it approximates, in falling order. */
export interface Approximation extends LowRank {
  readonly singularValues: Float64Array;
}

/**
 * The matrix of rank `rank` or less that is nearest to sum_i factors_i B_i A_i in the Frobenius norm (Eckart & Young), without
 * ever forming the [out, in] matrix: with [B_1 ..] = Qb Rb and [f_1 A_1; ..]^T = Qa Ra it is the SVD of the small core,
 * U S V^T = svd(Rb Ra^T), B = Qb U S^1/2, A = S^1/2 V^T Qa^T. Float64 inside, factors rounded to float32 once.
 */
export function bestApproximation(
  sum: WeightedSum,
  rank: number,
  options: { readonly factors?: readonly number[]; readonly side?: SingularValueSide } = {},
): Approximation {
  const { factors = updateFactors(sum), side = 'both' } = options;
  const left = householderQr(stackB(sum.outFeatures, sum.updates));
  const right = householderQr(stackA(sum.inFeatures, sum.updates, factors));
  const { U, S, V } = smallSvd(timesTransposed(left, right), left.size, right.size);
  const r = Math.min(rank, S.length);
  const weights = Array.from(S.subarray(0, r));
  const B = left.multiplyQ(
    leadingColumns(
      U,
      left.size,
      weights.map((s) => (side === 'B' ? s : Math.sqrt(s))),
    ),
  );
  const A = right.multiplyQ(
    leadingColumns(
      V,
      right.size,
      weights.map((s) => (side === 'B' ? 1 : Math.sqrt(s))),
    ),
  );
  return { r, A: Float32Array.from(A.data), B: rowMajor(B), singularValues: S };
}

/** The rank that `bestApproximation` returns: no more than was asked for, than the updates have together, than fits the matrix. */
export function approximationRank(
  { ranks, inFeatures, outFeatures }: Pick<ModuleRanks, 'ranks' | 'inFeatures' | 'outFeatures'>,
  rank: number,
): number {
  const total = ranks.reduce((sum, r) => sum + r, 0);
  return Math.min(rank, total, inFeatures, outFeatures);
}

/** Rb Ra^T [left.size, right.size], row-major; both triangular with the same number of columns. */
function timesTransposed(
  left: { readonly size: number; readonly R: Float64Array },
  right: { readonly size: number; readonly R: Float64Array },
): Float64Array {
  const columns = left.R.length / left.size;
  const product = new Float64Array(left.size * right.size);
  for (let i = 0; i < left.size; i++)
    for (let j = 0; j < right.size; j++) {
      let dot = 0;
      for (let k = Math.max(i, j); k < columns; k++)
        dot += (left.R[i * columns + k] as number) * (right.R[j * columns + k] as number);
      product[i * right.size + j] = dot;
    }
  return product;
}

function smallSvd(core: Float64Array, rows: number, columns: number): { U: Matrix; S: Float64Array; V: Matrix } {
  const svd = new SingularValueDecomposition(Matrix.from1DArray(rows, columns, core), { autoTranspose: true });
  return {
    U: svd.leftSingularVectors,
    S: Float64Array.from(svd.diagonal).subarray(0, Math.min(rows, columns)),
    V: svd.rightSingularVectors,
  };
}

/** The first columns of a square matrix of singular vectors, each times its weight. */
function leadingColumns(vectors: Matrix, rows: number, weights: readonly number[]): ColumnMatrix {
  const data = new Float64Array(rows * weights.length);
  for (const [column, weight] of weights.entries())
    for (let row = 0; row < rows; row++) data[column * rows + row] = weight * vectors.get(row, column);
  return { rows, columns: weights.length, data };
}

function rowMajor({ rows, columns, data }: ColumnMatrix): Float32Array {
  const values = new Float32Array(rows * columns);
  for (let column = 0; column < columns; column++)
    for (let row = 0; row < rows; row++) values[row * columns + column] = data[column * rows + row] as number;
  return values;
}
