import { shareAdapter as operation } from '../../shared/contract/shares.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { keys } from '../../shared/records/keys.ts';
import { beginShare, sharesOf } from '../../shared/records/shares.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';

/** A team that it is shared with already goes on as it was. */
export const shareAdapter = handler(operation, async ({ world }, caller, { params: { adapter, team } }) =>
  changeAdapter(world, caller, adapter, async ({ value }, at) => {
    const shares = sharesOf(value);
    const present = shares.get(team);
    if (present) return { unchanged: present };
    if (team === caller.team)
      throw new DomainError('own-team', `"${value.name}" is your own team's: name the team that shall read it.`);
    if (!(await world.table.get(keys.team(team)))) throw new DomainError('no-such-team', `There is no team "${team}".`);
    if (shares.size >= limits.sharesMax)
      throw new DomainError(
        'too-many-shares',
        `An adapter is shared with at most ${limits.sharesMax} teams: take it from one of them.`,
      );
    const share = { since: at, sharedBy: caller.keyId };
    return {
      change: { action: 'adapter.share', resource: `adapters/${value.name}`, detail: { team } },
      after: { ...value, shares: { ...value.shares, [team]: share } },
      writes: beginShare(world, caller, value, team),
      result: () => ({ team, ...share }),
    };
  }),
);
