import type { WeightedSum } from '../../gpu-job/combine/low-rank.ts';
import { uniform } from './random-base.ts';

export interface RandomUpdate {
  readonly r: number;
  readonly weight?: number;
  readonly scaling?: number;
}

/** A module's updates with values uniform in [-1, 1]. */
export function randomSum(
  inFeatures: number,
  outFeatures: number,
  updates: readonly RandomUpdate[],
  seed = 1,
): WeightedSum {
  const random = uniform(seed);
  const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * random() - 1);
  return {
    module: 'm',
    inFeatures,
    outFeatures,
    updates: updates.map(({ r, weight = 1, scaling = 1 }) => ({
      r,
      weight,
      scaling,
      A: values(r * inFeatures),
      B: values(outFeatures * r),
    })),
  };
}

/** factor * B @ A written out, [out, in] row-major in float64. */
export function denseProduct(
  part: { readonly r: number; readonly A: Float32Array; readonly B: Float32Array },
  factor = 1,
): Float64Array {
  const inFeatures = part.A.length / part.r;
  const outFeatures = part.B.length / part.r;
  const product = new Float64Array(outFeatures * inFeatures);
  for (let o = 0; o < outFeatures; o++)
    for (let i = 0; i < inFeatures; i++) {
      let dot = 0;
      for (let k = 0; k < part.r; k++)
        dot += (part.B[o * part.r + k] as number) * (part.A[k * inFeatures + i] as number);
      product[o * inFeatures + i] = factor * dot;
    }
  return product;
}

/** The weighted sum written out. */
export function denseSum(sum: WeightedSum): Float64Array {
  const total = new Float64Array(sum.outFeatures * sum.inFeatures);
  for (const update of sum.updates)
    for (const [i, value] of denseProduct(update, update.weight * update.scaling).entries())
      total[i] = (total[i] as number) + value;
  return total;
}

/** |a - b| in the Frobenius norm. */
export function denseDistance(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((squares, value, i) => squares + (value - (b[i] ?? Number.NaN)) ** 2, 0));
}

export function denseNorm(a: Float64Array): number {
  return denseDistance(a, new Float64Array(a.length));
}
