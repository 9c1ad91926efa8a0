import type { Base } from '../../shared/contract/bases.ts';
import type { Composition } from '../../shared/contract/compositions.ts';
import type { Dataset } from '../../shared/contract/datasets.ts';
import type { Left } from './outcome.ts';
import { planAdapter, type AdapterPlan } from './plan-adapter.ts';
import { planCompositions } from './plan-compositions.ts';
import type { Library } from './library.ts';

/** What it takes to bring a library to another server; what is there already is not in it. */
export interface MovePlan {
  readonly bases: readonly Base[];
  readonly datasets: readonly Dataset[];
  readonly adapters: readonly AdapterPlan[];
  readonly compositions: readonly Composition[];
  readonly left: readonly Left[];
  /** Bases, datasets, versions and compositions that are there already. */
  readonly thereCount: number;
}

/**
 * Compares two libraries by names and hashes. What has the same bytes is the same; a name that stands for something else there is a
 * conflict, and nothing there is replaced.
 */
export function planMove(here: Library, there: Library): MovePlan {
  const left: Left[] = [];
  let thereCount = 0;
  const judge = <T extends Base | Dataset>(kind: string, mine: T, theirs: readonly T[]): Verdict => {
    const verdict = mine.state === 'ready' ? compared(mine, theirs) : notReady(mine);
    if (verdict.is === 'there') thereCount += 1;
    if (verdict.is === 'left')
      left.push({ what: `the ${kind} ${mine.name}`, why: verdict.why, conflict: verdict.conflict });
    return verdict;
  };
  /** How each base of here is called there. */
  const baseNames = new Map<string, string>();
  const bases = here.bases.filter((base) => {
    const verdict = judge('base', base, there.bases);
    if (verdict.is !== 'left') baseNames.set(base.name, verdict.is === 'there' ? verdict.name : base.name);
    return verdict.is === 'missing';
  });
  const datasets = here.datasets.filter((dataset) => judge('dataset', dataset, there.datasets).is === 'missing');
  const adapters = here.adapters.flatMap((mine) => {
    const theirs = there.adapters.find(({ adapter }) => adapter.name === mine.adapter.name);
    const planned = planAdapter(mine, theirs, baseNames.get(mine.adapter.base));
    left.push(...planned.left);
    thereCount += planned.plan?.numbers.size ?? 0;
    return planned.plan ? [planned.plan] : [];
  });
  const compositions = planCompositions(here.compositions, there, adapters);
  left.push(...compositions.left);
  thereCount += compositions.thereCount;
  return { bases, datasets, adapters, compositions: compositions.missing, left, thereCount };
}

type Verdict =
  | { readonly is: 'missing' }
  | { readonly is: 'there'; readonly name: string }
  | { readonly is: 'left'; readonly why: string; readonly conflict: boolean };

function notReady({ state }: Base | Dataset): Verdict {
  const why =
    state === 'failed' || state === 'rejected'
      ? 'it was refused here'
      : 'it is not ready here yet: run this again when it is';
  return { is: 'left', why, conflict: state !== 'failed' && state !== 'rejected' };
}

function compared(mine: Base | Dataset, theirs: readonly (Base | Dataset)[]): Verdict {
  const named = theirs.find(({ name }) => name === mine.name);
  if (!named) {
    const same = theirs.find(({ sha256, state }) => state === 'ready' && sha256 === mine.sha256);
    return same ? { is: 'there', name: same.name } : { is: 'missing' };
  }
  if (named.state === 'failed' || named.state === 'rejected')
    return { is: 'left', why: 'it was refused there: delete it there and run this again', conflict: true };
  // what is on its way there may be what an interrupted run has begun, which then goes on
  if (named.state !== 'ready') return { is: 'missing' };
  if (named.sha256 === mine.sha256) return { is: 'there', name: named.name };
  return { is: 'left', why: 'something else has this name there', conflict: true };
}
