import type { Adapter } from '../../shared/contract/adapters.ts';
import { contentOf, numbered, type AdapterWithVersions, type NumberedVersion } from './library.ts';
import type { Left } from './outcome.ts';

/** What it takes to bring one adapter to another server. */
export interface AdapterPlan {
  readonly adapter: Adapter;
  /** What its base is called there. */
  readonly base: string;
  /** Whether it has to be made there. */
  readonly isNew: boolean;
  /** Versions that are not there, oldest first; each gets the next number there. */
  readonly versions: readonly NumberedVersion[];
  /** Ids here of every version that has a number. */
  readonly ids: ReadonlySet<string>;
  /** Numbers there of the versions that are, by their number here. */
  readonly numbers: ReadonlyMap<number, number>;
  /** The number that the next version gets there. */
  readonly nextNumber: number;
  /** To be withdrawn there as they are here: those of `versions`, and those that were withdrawn here since. */
  readonly withdrawals: readonly NumberedVersion[];
  /** Aliases that there are not there, and the number here of what they point to. */
  readonly aliases: readonly (readonly [alias: string, version: number])[];
}

/** `base`: what its base is called there; undefined: it cannot come there, so the adapter cannot either. */
export function planAdapter(
  { adapter, versions }: AdapterWithVersions,
  theirs: AdapterWithVersions | undefined,
  base: string | undefined,
): { readonly plan?: AdapterPlan; readonly left: readonly Left[] } {
  const { name } = adapter;
  const refused = (why: string) => ({ left: [{ what: `the adapter ${name}`, why, conflict: true }] });
  if (base === undefined) return refused(`its base ${adapter.base} cannot be brought there`);
  if (theirs && theirs.adapter.base !== base)
    return refused(`there it belongs to the base ${theirs.adapter.base}, not ${base}`);
  const mine = numbered(versions);
  const known = numbered(theirs?.versions ?? []);
  const numbers = matched(mine, known);
  const stateThere = new Map(known.map(({ version, state }) => [version, state]));
  const isWithdrawnThere = (version: number): boolean =>
    stateThere.get(numbers.get(version) ?? Number.NaN) === 'withdrawn';
  const aliases = Object.entries(adapter.aliases).filter(([alias]) => alias !== 'latest');
  const aliasesThere = theirs?.adapter.aliases ?? {};
  return {
    plan: {
      adapter,
      base,
      isNew: !theirs,
      versions: mine.filter(({ version }) => !numbers.has(version)),
      ids: new Set(mine.map(({ id }) => id)),
      numbers,
      nextNumber: (theirs?.adapter.versions ?? 0) + 1,
      withdrawals: mine.filter(({ state, version }) => state === 'withdrawn' && !isWithdrawnThere(version)),
      aliases: aliases.filter(([alias, version]) => !Object.hasOwn(aliasesThere, alias) && !isWithdrawnThere(version)),
    },
    left: [
      ...unpublished(adapter, versions),
      ...(theirs ? keptThere(adapter, theirs.adapter) : []),
      ...aliases.flatMap(([alias, version]): Left[] => {
        const what = `${name}@${alias}`;
        const pointed = aliasesThere[alias];
        if (pointed === undefined)
          return isWithdrawnThere(version)
            ? [{ what, why: `version ${numbers.get(version)} was withdrawn there`, conflict: true }]
            : [];
        return pointed === numbers.get(version)
          ? []
          : [{ what, why: `it points to version ${pointed} there, and stays so`, conflict: false }];
      }),
    ],
  };
}

/** The number there of each version whose files are there: pairs in the order of their numbers, so that equal ones are told apart. */
function matched(mine: readonly NumberedVersion[], theirs: readonly NumberedVersion[]): ReadonlyMap<number, number> {
  const free = [...theirs];
  const numbers = new Map<number, number>();
  for (const version of mine) {
    const at = free.findIndex((one) => contentOf(one) === contentOf(version));
    const [found] = at < 0 ? [] : free.splice(at, 1);
    if (found) numbers.set(version.version, found.version);
  }
  return numbers;
}

function unpublished({ name }: Adapter, versions: AdapterWithVersions['versions']): Left[] {
  const count = (...states: readonly string[]): number => versions.filter(({ state }) => states.includes(state)).length;
  const [waiting, rejected] = [count('draft', 'validating'), count('rejected')];
  const left = (many: number, why: string, conflict: boolean): Left[] =>
    many === 0 ? [] : [{ what: `${many} versions of ${name} without a number`, why, conflict }];
  return [
    ...left(waiting, 'they are on their way or being checked here: run this again when they are', false),
    ...left(rejected, 'they were refused here', false),
  ];
}

function keptThere(mine: Adapter, theirs: Adapter): Left[] {
  const differs = [
    ...(mine.description === theirs.description ? [] : ['description']),
    ...(mine.tags.toSorted().join(' ') === theirs.tags.toSorted().join(' ') ? [] : ['tags']),
  ];
  if (differs.length === 0) return [];
  const what = `${differs.join(' and ')} of ${mine.name}`;
  return [{ what, why: 'there it has others, which stay', conflict: false }];
}
