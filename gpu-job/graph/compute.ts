/** Element type in which products take operands and give results; all else is computed in float32. */
export type Compute = 'float32' | 'bfloat16' | 'float16';

/** Products of fewer bits than float32 has. */
export interface ReducedProducts {
  readonly dtype: Exclude<Compute, 'float32'>;
  /**
   * Whether the device multiplies in this type. Where it does not, operands and results are rounded to it and float32 is multiplied, which
   * gives the same but for the order of sums: both keep sums in float32.
   */
  readonly native: boolean;
}
