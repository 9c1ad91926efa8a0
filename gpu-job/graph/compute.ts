import type { Compute } from '../../shared/methods/compute.ts';

/** What a graph is spelled for. */
export interface GraphTarget {
  /** Type of the products of a float32 graph; absent: float32. */
  readonly compute?: Compute;
  /** Absent: the processor. What one of them has no kernel for, or a slow one, is spelled otherwise; the numbers are the same. */
  readonly device?: 'cpu' | 'cuda';
}

/** Products of fewer bits than float32 has. */
export interface ReducedProducts {
  readonly dtype: Exclude<Compute, 'float32'>;
  /**
   * Whether the device multiplies in this type. Where it does not, operands and results are rounded to it and float32 is multiplied, which
   * gives the same but for the order of sums: both keep sums in float32.
   */
  readonly native: boolean;
}
