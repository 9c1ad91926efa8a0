import { deleteAlias as operation } from '../../shared/contract/adapters.ts';
import { refuseReserved } from '../../shared/domain/alias-rules.ts';
import { DomainError } from '../../shared/errors.ts';
import { findAlias } from '../../shared/records/aliases.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';
import { moveAlias } from './move-alias.ts';
import { refuseProtected } from './refuse-promotion.ts';

export const deleteAlias = handler(operation, async ({ world }, caller, { params }) => {
  const { alias } = params;
  refuseReserved([alias]);
  await changeAdapter<unknown>(world, caller, params.adapter, async (adapter, at) => {
    refuseProtected(adapter.value, [alias]);
    if (Object.hasOwn(adapter.value.aliases, alias))
      return moveAlias(world, caller, adapter, alias, null, at, 'alias.delete');
    if (!(await findAlias(world.table, adapter.value, alias)))
      throw new DomainError('not-found', `The adapter "${params.adapter}" has no alias "${alias}".`);
    return { unchanged: undefined };
  });
  return undefined;
});
