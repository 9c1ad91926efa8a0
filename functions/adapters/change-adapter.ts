import { UnavailableError } from '../../shared/errors.ts';
import { ConditionError, type RecordWrite, type World } from '../../shared/platform/ports.ts';
import { adapterWrite, getAdapterRecord, type AdapterRecord } from '../../shared/records/adapters.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit, type Change } from '../../shared/records/commit.ts';
import type { Stored } from '../../shared/records/stored.ts';

/** What is to be written; `after` without its time of change. */
export interface AdapterChange<T> {
  readonly change: Change;
  readonly after: AdapterRecord;
  readonly writes: readonly RecordWrite[];
  /** Gets the adapter as it was written. */
  readonly result: (adapter: Stored<AdapterRecord>) => T;
}

/**
 * Changes an adapter from what it is now; again when someone else changed it meanwhile, so that every decision rests on what it
 * replaces. `decide` may answer at once, when nothing is to be changed. Throws `DomainError('not-found')`.
 */
export async function changeAdapter<T>(
  world: World,
  caller: Caller,
  name: string,
  decide: (adapter: Stored<AdapterRecord>, at: string) => Promise<AdapterChange<T> | { readonly unchanged: T }>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const adapter = await getAdapterRecord(world.table, caller.team, name);
    const at = new Date(world.now()).toISOString();
    const decision = await decide(adapter, at);
    if ('unchanged' in decision) return decision.unchanged;
    const { change, writes, result } = decision;
    const after = { ...decision.after, updatedAt: at };
    try {
      await commit(world, caller, change, [adapterWrite(after, adapter.revision), ...writes]);
      return result({ value: after, revision: adapter.revision + 1 });
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === attemptsMax)
        throw new UnavailableError('The adapter is changed too often just now: try again.', { cause: error });
    }
  }
}

/** Each lost race means that another change went through, so this bounds patience, not progress. */
const attemptsMax = 20;
