import { unshareAdapter as operation } from '../../shared/contract/shares.ts';
import { DomainError } from '../../shared/errors.ts';
import { endShare } from '../../shared/records/shares.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';

export const unshareAdapter = handler(operation, async ({ world }, caller, { params: { adapter, team } }) =>
  changeAdapter(world, caller, adapter, async ({ value }) => {
    const { [team]: share, ...others } = value.shares ?? {};
    if (!share) throw new DomainError('not-found', `"${value.name}" is not shared with "${team}".`);
    return {
      change: { action: 'adapter.unshare', resource: `adapters/${value.name}`, detail: { team, since: share.since } },
      after: { ...value, shares: others },
      writes: endShare(world, caller, value, team),
      result: () => undefined,
    };
  }),
);
