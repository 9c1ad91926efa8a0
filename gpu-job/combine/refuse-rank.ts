import type { Finding } from '../../shared/errors.ts';
import type { CombinationPlan } from './combination.ts';

/** For the combinations whose rank follows from the members: a rank that was asked for has nothing to act on. */
export function refuseRank(combination: string, { options }: CombinationPlan): Finding[] {
  if (options.rank === undefined) return [];
  const message = `The rank of a ${combination} result follows from its members; leave rank out, or use svd, which takes one.`;
  return [{ severity: 'error', code: 'combination-rank', message, where: 'rank' }];
}
