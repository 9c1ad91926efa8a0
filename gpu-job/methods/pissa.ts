import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { householderQr } from '../combine/householder.ts';
import type { ColumnMatrix } from '../combine/low-rank.ts';
import { namedStream } from '../training/random.ts';
import { leading, rowMajor } from './column-matrices.ts';
import type { LoraInitialisation } from './initialisation.ts';
import { loraA } from './lora-variant.ts';
import { openWeight, type WeightProducts } from './weight-products.ts';

/**
 * PiSSA (Meng et al. 2024, arXiv 2404.02948): of W = U S V^T the r largest singular values are trained, B = U (S/s)^1/2 and
 * A = (S/s)^1/2 V^T with the scaling s. `iterations`: so many of them from r random directions, as torch's `svd_lowrank` makes them
 * (`pissa_niter_N`); absent: until nothing is left to gain (`pissa`).
 */
export const pissa = (iterations?: number): LoraInitialisation => ({
  takesFromBase: true,
  async factors({ base, target: { module, r, scaling }, linear, seed }) {
    const weight = await openWeight(base, module);
    try {
      const { U, S, V } = await largestSingular(weight, {
        ...linear,
        r,
        iterations,
        random: namedStream(seed, 'initial', loraA(module)),
      });
      const roots = S.map((value) => Math.sqrt(value / scaling));
      return { A: Float32Array.from(scaledColumns(V, roots).data), B: rowMajor(scaledColumns(U, roots)) };
    } finally {
      await weight.close();
    }
  },
});

interface Wanted {
  readonly r: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly iterations: number | undefined;
  readonly random: { normal(): number };
}

/** U [out, r], the r largest singular values in falling order, and V [in, r]. */
interface SingularTriplets {
  readonly U: ColumnMatrix;
  readonly S: readonly number[];
  readonly V: ColumnMatrix;
}

/**
 * By iterating a subspace (Halko, Martinsson and Tropp 2011, arXiv 0909.4061, algorithm 4.4) with an orthonormal basis after each product. As wide as the
 * smaller side it is exact at once, so small matrices are decomposed whole.
 */
async function largestSingular(
  weight: WeightProducts,
  { r, inFeatures, outFeatures, iterations, random }: Wanted,
): Promise<SingularTriplets> {
  const side = Math.min(inFeatures, outFeatures);
  const wide = side <= wholeSideMax ? side : Math.min(side, 2 * r + 8);
  const columns = iterations === undefined ? wide : Math.min(side, r);
  const start = Float64Array.from({ length: inFeatures * columns }, () => random.normal());
  let Q = orthonormal(await weight.times({ rows: inFeatures, columns, data: start })); // [out, columns]
  let projected = await weight.transposedTimes(Q); // W^T Q, [in, columns]
  let energy = squares(projected);
  const most = columns < side ? (iterations ?? iterationsMax) : 0;
  for (let i = 0; i < most; i++) {
    Q = orthonormal(await weight.times(orthonormal(projected)));
    projected = await weight.transposedTimes(Q);
    const now = squares(projected);
    if (iterations === undefined && now - energy <= gainMin * now) break;
    energy = now;
  }
  return decomposed(Q, projected, r);
}

/** Up to this smaller side a matrix is decomposed whole. */
const wholeSideMax = 64;
/** When the largest and the next singular values are nearly equal, either will do. */
const iterationsMax = 60;
/** Share of what the subspace holds of the squared values, below which another iteration is not worth it. */
const gainMin = 1e-7;

/** The decomposition of Q P^T for P = W^T Q: with P = Qp R it is Q svd(R^T) Qp^T, and R is small. */
function decomposed(Q: ColumnMatrix, projected: ColumnMatrix, r: number): SingularTriplets {
  const factors = householderQr(projected);
  const { size, R } = factors;
  const core = Matrix.from1DArray(size, projected.columns, R).transpose(); // [columns, size]
  const svd = new SingularValueDecomposition(core, { autoTranspose: true });
  const S = Array.from(svd.diagonal.slice(0, r));
  const first = (vectors: Matrix): ColumnMatrix => {
    const data = Float64Array.from({ length: vectors.rows * r }, (_, i) =>
      vectors.get(i % vectors.rows, Math.floor(i / vectors.rows)),
    );
    return { rows: vectors.rows, columns: r, data };
  };
  return { U: multiplied(Q, first(svd.leftSingularVectors)), S, V: factors.multiplyQ(first(svd.rightSingularVectors)) };
}

const orthonormal = (matrix: ColumnMatrix): ColumnMatrix =>
  householderQr(matrix).multiplyQ(leading(matrix.columns, matrix.columns));

const squares = ({ data }: ColumnMatrix): number => data.reduce((sum, value) => sum + value * value, 0);

/** Q X for a small X. */
function multiplied({ rows, columns, data }: ColumnMatrix, x: ColumnMatrix): ColumnMatrix {
  const product = new Float64Array(rows * x.columns);
  for (let column = 0; column < x.columns; column++)
    for (let k = 0; k < columns; k++) {
      const factor = x.data[column * columns + k] as number;
      for (let row = 0; row < rows; row++)
        product[column * rows + row] =
          (product[column * rows + row] as number) + factor * (data[k * rows + row] as number);
    }
  return { rows, columns: x.columns, data: product };
}

function scaledColumns({ rows, columns, data }: ColumnMatrix, factors: readonly number[]): ColumnMatrix {
  return { rows, columns, data: data.map((value, i) => value * (factors[Math.floor(i / rows)] as number)) };
}
