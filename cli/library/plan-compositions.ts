import type { Composition } from '../../shared/contract/compositions.ts';
import type { Library } from './library.ts';
import type { Left } from './outcome.ts';
import type { AdapterPlan } from './plan-adapter.ts';

/** Compositions that are to be made there; members are known by their ids, since a name may be another adapter's by now. */
export function planCompositions(
  mine: readonly Composition[],
  there: Library,
  adapters: readonly AdapterPlan[],
): { readonly missing: readonly Composition[]; readonly left: readonly Left[]; readonly thereCount: number } {
  const missing: Composition[] = [];
  const left: Left[] = [];
  for (const composition of mine) {
    const what = `the composition ${composition.name}`;
    const refused = (why: string): void => void left.push({ what, why, conflict: true });
    const lost = composition.members.find((member) => !planOf(member, adapters));
    const theirs = there.compositions.find(({ name }) => name === composition.name);
    if (lost) refused(`its member ${lost.adapter}@${lost.version} was deleted here, or cannot be brought there`);
    else if (!theirs) missing.push(composition);
    else if (recipeOf(theirs) !== recipeOf({ ...composition, members: membersThere(composition, adapters) }))
      refused('another one has this name there');
  }
  return { missing, left, thereCount: mine.length - missing.length - left.length };
}

type Member = Composition['members'][number];

/** The plan of the adapter that the member is a version of. */
const planOf = ({ versionId }: Member, adapters: readonly AdapterPlan[]): AdapterPlan | undefined =>
  adapters.find(({ ids }) => ids.has(versionId));

/** The members by what they are called there, as far as they are there. */
function membersThere({ members }: Composition, adapters: readonly AdapterPlan[]): Composition['members'] {
  return members.map((member) => ({
    ...member,
    version: planOf(member, adapters)?.numbers.get(member.version) ?? 0,
  }));
}

/** The same for compositions that make the same of the same. */
function recipeOf({ type, mode, peftRelease, rank, dtype, members }: Composition): string {
  const named = members.map(({ adapter, version, weight }) => ({ adapter, version, weight }));
  return JSON.stringify([type, mode, peftRelease ?? null, rank ?? null, dtype, named]);
}
