import { combinationRefusals } from '../../shared/domain/combination-rules.ts';
import { approximationRank, bestApproximation } from './best-approximation.ts';
import type { Combination } from './combination.ts';
import { updateFactors, type LowRank, type WeightedSum } from './low-rank.ts';
import { paddedToRank } from './padded-to-rank.ts';

/**
 * The weighted sum at the members' own rank, which they must share. Exact mode: the matrix of that rank nearest to the true sum.
 * PEFT adds A and B separately, A = sum sign sqrt|w s| A_i and B = sum sqrt|w s| B_i, and their product has cross terms
 * B_i A_j that nobody trained: two unrelated adapters come out 0.6 and more away from their sum.
 */
export const linear: Combination = {
  name: 'linear',
  refusals: combinationRefusals.linear,
  exactRank: (module) => approximationRank(module, Math.max(...module.ranks)),
  exact: (sum) => bestApproximation(sum, sum.updates[0]?.r ?? 0),
  peftRank: (ranks) => Math.max(...ranks),
  // Where a rank_pattern makes a module's rank smaller than the adapters', PEFT writes a result that it cannot load.
  peftCompatible: (sum, rank) => paddedToRank(addFactors(sum), rank),
};

/** Float32 in torch's order: each product is rounded, then added to what there is. */
function addFactors(sum: WeightedSum): LowRank {
  const factors = updateFactors(sum);
  const roots = factors.map((factor) => Math.fround(Math.sqrt(Math.abs(factor))));
  const signed = roots.map((root, i) => ((factors[i] as number) >= 0 ? root : -root));
  return {
    r: sum.updates[0]?.r ?? 0,
    A: addTensors(
      sum.updates.map((update) => update.A),
      signed,
    ),
    B: addTensors(
      sum.updates.map((update) => update.B),
      roots,
    ),
  };
}

function addTensors(tensors: readonly Float32Array[], factors: readonly number[]): Float32Array {
  const total = new Float32Array(tensors[0]?.length ?? 0);
  for (const [i, tensor] of tensors.entries()) {
    const factor = factors[i] as number;
    for (let k = 0; k < total.length; k++)
      total[k] = (total[k] as number) + Math.fround((tensor[k] as number) * factor);
  }
  return total;
}
