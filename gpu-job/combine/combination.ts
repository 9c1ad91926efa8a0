import type { CombinationOptions, CombinationPlan, ModuleRanks } from '../../shared/domain/combination-rules.ts';
import type { Finding } from '../../shared/errors.ts';
import type { LowRank, WeightedSum } from './low-rank.ts';

/** A way of putting several LoRA updates of one module into one. Pure: factors in, factors out, no base weights. */
export interface Combination {
  /** PEFT's `combination_type`. */
  readonly name: string;
  /** Everything that stands against this combination of these members. */
  refusals(plan: CombinationPlan): Finding[];
  /** Rank of what `exact` will return for a module: files are laid out before they are computed. */
  exactRank(module: ModuleRanks, options: CombinationOptions): number;
  exact(sum: WeightedSum, options: CombinationOptions): LowRank;
  /** PEFT gives all modules of a result one rank; `ranks` are those of the adapters, see `peftRank`. */
  peftRank(ranks: readonly number[], options: CombinationOptions): number;
  /** `rank` is what `peftRank` said. */
  peftCompatible(sum: WeightedSum, rank: number, options: CombinationOptions): LowRank;
}
