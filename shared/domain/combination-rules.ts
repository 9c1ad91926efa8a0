import type { Finding } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * `exact`: the true weighted sum of the updates, or its best approximation of a given rank. `peft-compatible`: the factors
 * that PEFT's `add_weighted_adapter` computes, whatever their distance from the sum.
 */
export type CombinationMode = 'exact' | 'peft-compatible';

/** PEFT before 0.21 multiplied each update by its scaling twice in `svd`; the other combinations are the same. */
export type PeftRelease = '0.21' | '0.20';

export interface CombinationOptions {
  /** Rank of the result, for `svd` alone; default: the largest rank of the members. */
  readonly rank?: number | undefined;
  readonly peftRelease?: PeftRelease | undefined;
}

/** What is known before any tensor is read. */
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

/** Everything that stands against a combination of these members, by PEFT's `combination_type`. */
export const combinationRefusals = {
  linear: (plan) => [...refuseRank('linear', plan), ...refuseUnequalRanks(plan)],
  cat: (plan) => refuseRank('cat', plan),
  svd: ({ options: { rank } }) => {
    if (rank === undefined || (Number.isSafeInteger(rank) && rank >= 1 && rank <= limits.loraRankMax)) return [];
    const message = `The rank must be a whole number from 1 to ${limits.loraRankMax}, not ${rank}.`;
    return [{ severity: 'error', code: 'combination-rank', message, where: 'rank' }];
  },
} as const satisfies Readonly<Record<string, (plan: CombinationPlan) => Finding[]>>;

export type CombinationType = keyof typeof combinationRefusals;

/** How a recipe of so many members is carried out: PEFT gives a single one its weight by linear, whatever is asked for. */
export function carriedOut(
  recipe: Pick<CombinationPlan, 'mode'> & { readonly type: CombinationType } & CombinationOptions,
  members: number,
): { readonly type: CombinationType; readonly options: CombinationOptions } {
  const { type, mode, peftRelease, rank } = recipe;
  const options = peftRelease === undefined ? {} : { peftRelease };
  if (mode === 'peft-compatible' && members === 1) return { type: 'linear', options };
  return { type, options: rank === undefined ? options : { ...options, rank } };
}

/** What is wrong with the rank that a result would have in its largest module. */
export function resultRankFindings(ranks: readonly number[]): Finding[] {
  const largest = Math.max(...ranks);
  if (largest <= limits.loraRankMax) return [];
  const message = `The result would have rank ${largest}, above ${limits.loraRankMax}; use svd with a smaller rank.`;
  return [{ severity: 'error', code: 'combination-rank', message, where: 'members' }];
}

/** The rank by which PEFT counts an adapter: the largest of `r` and the values of its `rank_pattern`. */
export function peftRank(config: {
  readonly r: number;
  readonly rank_pattern: Readonly<Record<string, number>>;
}): number {
  return Math.max(config.r, ...Object.values(config.rank_pattern));
}

/** Every module that any member has, sorted by name, with the ranks of its updates. */
export function moduleRanks(
  members: Iterable<
    Iterable<{
      readonly module: string;
      readonly inFeatures: number;
      readonly outFeatures: number;
      readonly r: number;
    }>
  >,
): ModuleRanks[] {
  const modules = new Map<string, ModuleRanks & { readonly ranks: number[] }>();
  for (const pairs of members)
    for (const { module, inFeatures, outFeatures, r } of pairs) {
      const known = modules.get(module);
      if (known) known.ranks.push(r);
      else modules.set(module, { module, inFeatures, outFeatures, ranks: [r] });
    }
  return [...modules.values()].toSorted((a, b) => (a.module < b.module ? -1 : 1));
}

/** For the combinations whose rank follows from the members: a rank that was asked for has nothing to act on. */
function refuseRank(combination: string, { options }: CombinationPlan): Finding[] {
  if (options.rank === undefined) return [];
  const message = `The rank of a ${combination} result follows from its members; leave rank out, or use svd, which takes one.`;
  return [{ severity: 'error', code: 'combination-rank', message, where: 'rank' }];
}

function refuseUnequalRanks({ mode, members, modules }: CombinationPlan): Finding[] {
  const findings: Finding[] = [];
  const adapterRanks = new Set(members.map((member) => member.peftRank));
  if (mode === 'peft-compatible' && adapterRanks.size > 1) {
    const list = members.map((member) => `${member.name} ${member.peftRank}`).join(', ');
    const message = `linear needs members of one rank (PEFT counts the largest of r and rank_pattern: ${list}); use cat or svd.`;
    findings.push({ severity: 'error', code: 'combination-unequal-ranks', message });
  }
  for (const { module, ranks } of modules)
    if (new Set(ranks).size > 1) {
      const message = `linear needs members of one rank; here they have ${ranks.join(', ')}: use cat or svd.`;
      findings.push({ severity: 'error', code: 'combination-unequal-ranks', message, where: module });
    }
  return findings;
}
