import type { Finding } from '../../shared/errors.ts';
import type { LowRank, WeightedSum } from './low-rank.ts';

/**
 * `exact`: the true weighted sum of the updates, or its best approximation of a given rank. `peft-compatible`: the factors
 * that PEFT's `add_weighted_adapter` computes, whatever their distance from the sum.
 */
export type CombinationMode = 'exact' | 'peft-compatible';

/** PEFT before 0.21 multiplied each update by its scaling twice in `svd`; the other combinations are the same. */
export type PeftRelease = '0.21' | '0.20';

export interface CombinationOptions {
  /** Rank of the result, for `svd` alone; default: the largest rank of the members. */
  readonly rank?: number;
  readonly peftRelease?: PeftRelease;
}

/** What a combination is asked before any tensor is read. */
export interface CombinationPlan {
  readonly mode: CombinationMode;
  readonly options: CombinationOptions;
  readonly members: readonly { readonly name: string; readonly peftRank: number }[];
  readonly modules: readonly ModuleRanks[];
}

/** The size of a module and the rank of every update to it. */
export interface ModuleRanks {
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly ranks: readonly number[];
}

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

/** The rank by which PEFT counts an adapter: the largest of `r` and the values of its `rank_pattern`. */
export function peftRank(config: {
  readonly r: number;
  readonly rank_pattern: Readonly<Record<string, number>>;
}): number {
  return Math.max(config.r, ...Object.values(config.rank_pattern));
}
