import { combinationRefusals, type CombinationOptions } from '../../shared/domain/combination-rules.ts';
import { approximationRank, bestApproximation } from './best-approximation.ts';
import type { Combination } from './combination.ts';
import type { WeightedSum } from './low-rank.ts';
import { paddedToRank } from './padded-to-rank.ts';

/**
 * The best approximation of the weighted sum at a rank of choice: as near as factors of that size can come. Exact mode writes no
 * more rows than the sum has; PEFT writes A = V^T and B = U S, padded with zeros here where the sum has less than its rank.
 */
export const svd: Combination = {
  name: 'svd',
  refusals: combinationRefusals.svd,
  exactRank: (module, options) => approximationRank(module, options.rank ?? Math.max(...module.ranks)),
  exact: (sum, options) => bestApproximation(sum, options.rank ?? Math.max(...sum.updates.map((update) => update.r))),
  peftRank: (ranks, options) => options.rank ?? Math.max(...ranks),
  peftCompatible: (sum, rank, options) =>
    paddedToRank(bestApproximation(sum, rank, { factors: peftFactors(sum, options), side: 'B' }), rank),
};

function peftFactors(sum: WeightedSum, { peftRelease = '0.21' }: CombinationOptions): number[] {
  return sum.updates.map(({ weight, scaling }) => weight * (peftRelease === '0.20' ? scaling * scaling : scaling));
}
