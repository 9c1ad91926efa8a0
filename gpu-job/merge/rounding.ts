import type { Dtype } from '../../shared/formats/dtype.ts';

/** How a stored type rounds: half a unit in the last place is `relative` times the power of two below the value, at least `smallest`. */
export interface Rounding {
  readonly relative: number;
  /** Half the smallest subnormal. */
  readonly smallest: number;
  /** From this size on a value becomes infinite: half a unit above the largest finite one. */
  readonly overflow: number;
  /** 2^(53 - p) + 1: in float64, t = x * splitter, t - (t - x) is x rounded to p bits (Dekker 1971). */
  readonly splitter: number;
}

/** With p bits of precision a value in [2^e, 2^(e+1)) has neighbours 2^(e+1-p) apart: half of that is 2^-p * 2^e. */
export const roundings: Partial<Readonly<Record<Dtype, Rounding>>> = {
  F32: { relative: 2 ** -24, smallest: 2 ** -150, overflow: 2 ** 128 - 2 ** 103, splitter: 2 ** 29 + 1 },
  F16: { relative: 2 ** -11, smallest: 2 ** -25, overflow: 65_520, splitter: 2 ** 42 + 1 },
  BF16: { relative: 2 ** -8, smallest: 2 ** -134, overflow: 2 ** 128 - 2 ** 119, splitter: 2 ** 45 + 1 },
};
