import { combinationRefusals } from '../../shared/domain/combination-rules.ts';
import type { Combination } from './combination.ts';
import { totalRank, type LowRank, type WeightedSum } from './low-rank.ts';

/**
 * Concatenation: A = [w_1 s_1 A_1; w_2 s_2 A_2; ...], B = [B_1 B_2 ...], so B A is the weighted sum itself. Exact in both modes;
 * the price is the rank, which is the sum of the ranks. PEFT pads with zeros to one rank for all modules.
 */
export const cat: Combination = {
  name: 'cat',
  refusals: combinationRefusals.cat,
  exactRank: ({ ranks }) => ranks.reduce((total, r) => total + r, 0),
  // w and s are multiplied in float64 and the product is rounded once.
  exact: (sum) => concatenate(sum, totalRank(sum), (value, weight, scaling) => Math.fround(value * (weight * scaling))),
  peftRank: (ranks) => ranks.reduce((total, r) => total + r, 0),
  peftCompatible: (sum, rank) => concatenate(sum, rank, timesInTorchOrder),
};

/** tensor * weight * scaling as torch does it: both numbers and each product rounded to float32. */
function timesInTorchOrder(value: number, weight: number, scaling: number): number {
  return Math.fround(Math.fround(value * Math.fround(weight)) * Math.fround(scaling));
}

function concatenate(
  { inFeatures, outFeatures, updates }: WeightedSum,
  r: number,
  times: (value: number, weight: number, scaling: number) => number,
): LowRank {
  const A = new Float32Array(r * inFeatures);
  const B = new Float32Array(outFeatures * r);
  let start = 0;
  for (const update of updates) {
    const first = start * inFeatures;
    for (let i = 0; i < update.A.length; i++)
      A[first + i] = times(update.A[i] as number, update.weight, update.scaling);
    for (let row = 0; row < outFeatures; row++)
      B.set(update.B.subarray(row * update.r, (row + 1) * update.r), row * r + start);
    start += update.r;
  }
  return { r, A, B };
}
