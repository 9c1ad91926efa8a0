import { UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type RecordWrite, type World } from '../platform/ports.ts';
import { storedWrites } from './budgets.ts';
import type { Caller } from './caller.ts';
import { commit, transactSurely, type Change } from './commit.ts';
import type { HoldingWish } from './holdings.ts';

/**
 * `commit`, together with what it means for the bytes that the team and its keys keep. Whoever only loses a race for an account decides
 * again. Throws like `commit`, with positions in `writes`, and `DomainError('storage-exceeded')` where a limit does not take more.
 */
export function commitStored(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  caller: Caller,
  change: Change,
  writes: readonly RecordWrite[],
  wishes: readonly HoldingWish[],
): Promise<void> {
  const count = (): Promise<RecordWrite[]> => storedWrites(world, caller.team, wishes);
  return repeated(count, writes, (all) => commit(world, caller, change, all));
}

/** The same for writes that nobody asked for and no audit tells of. `force`: whatever the limits are, because the bytes are there. */
export function transactStored(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  team: string,
  writes: readonly RecordWrite[],
  wishes: readonly HoldingWish[],
  { force = false }: { readonly force?: boolean } = {},
): Promise<void> {
  const send = (all: readonly RecordWrite[]): Promise<void> =>
    all.length === 0 ? noWrites : transactSurely(world, all);
  return repeated(() => storedWrites(world, team, wishes, { force }), writes, send);
}

const noWrites = Promise.resolve();

async function repeated(
  count: () => Promise<readonly RecordWrite[]>,
  writes: readonly RecordWrite[],
  send: (writes: readonly RecordWrite[]) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const counted = await count();
    try {
      return await send([...writes, ...counted]);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      const isCounted = (position: number): boolean =>
        position >= writes.length && position < writes.length + counted.length;
      const others = error.failed.filter((position) => !isCounted(position));
      if (others.length === error.failed.length) throw error;
      if (others.length > 0) throw new ConditionError(others);
      if (attempt === limits.budgetAttemptsMax)
        throw new UnavailableError('Too much comes and goes in this team just now: try again.', { cause: error });
    }
  }
}
