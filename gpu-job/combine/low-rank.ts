import { invariant } from '../../shared/errors.ts';

/** A matrix of rank r or less that is kept as two factors: B @ A, with no scaling beside it. */
export interface LowRank {
  readonly r: number;
  /** [r, in], row-major. */
  readonly A: Float32Array;
  /** [out, r], row-major. */
  readonly B: Float32Array;
}

/** One adapter's part in a module: it adds weight * scaling * B @ A. */
export interface WeightedUpdate extends LowRank {
  readonly weight: number;
  /** lora_alpha / r, or what the adapter's config makes of it. */
  readonly scaling: number;
}

/** What a composition means for one module: the sum of its updates. At least one; an adapter without the module is not among them. */
export interface WeightedSum {
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly updates: readonly WeightedUpdate[];
}

/** A float64 matrix stored column after column: data[column * rows + row]. */
export interface ColumnMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** The ranks of all updates added up: the sum is written exactly with factors of this rank. */
export function totalRank(sum: WeightedSum): number {
  return sum.updates.reduce((total, update) => total + update.r, 0);
}

/** [B_1 B_2 ...], with `rows` = out and the total rank as columns. */
export function stackB(outFeatures: number, parts: readonly LowRank[]): ColumnMatrix {
  const columns = parts.reduce((total, part) => total + part.r, 0);
  const data = new Float64Array(outFeatures * columns);
  let start = 0;
  for (const { r, B } of parts) {
    invariant(B.length === outFeatures * r, `B has the shape [${outFeatures}, ${r}]`);
    for (let row = 0; row < outFeatures; row++)
      for (let column = 0; column < r; column++)
        data[start + column * outFeatures + row] = B[row * r + column] as number;
    start += outFeatures * r;
  }
  return { rows: outFeatures, columns, data };
}

/** [f_1 A_1; f_2 A_2; ...] transposed, with `rows` = in: the rows of A are the columns here. */
export function stackA(inFeatures: number, parts: readonly LowRank[], factors: readonly number[]): ColumnMatrix {
  const columns = parts.reduce((total, part) => total + part.r, 0);
  const data = new Float64Array(inFeatures * columns);
  let at = 0;
  for (const [i, { r, A }] of parts.entries()) {
    invariant(A.length === r * inFeatures, `A has the shape [${r}, ${inFeatures}]`);
    const factor = factors[i] as number;
    for (let k = 0; k < A.length; k++) data[at++] = factor * (A[k] as number);
  }
  return { rows: inFeatures, columns, data };
}

/** weight * scaling of each update. */
export function updateFactors(sum: WeightedSum): number[] {
  return sum.updates.map((update) => update.weight * update.scaling);
}
