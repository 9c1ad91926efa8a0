import { setAlias as operation } from '../../shared/contract/adapters.ts';
import { refuseReserved, refuseTooMany } from '../../shared/domain/alias-rules.ts';
import { DomainError } from '../../shared/errors.ts';
import { findAlias } from '../../shared/records/aliases.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';
import { moveAlias } from './move-alias.ts';
import { presentAlias } from './present-alias.ts';
import { refusePromotion } from './refuse-promotion.ts';
import { refuseVersion } from './refuse-version.ts';

/** An alias that points there already stays as it is, whatever it was expected to be: the call was made before and its answer lost. */
export const setAlias = handler(operation, async ({ world }, caller, { params, body }) => {
  const { alias } = params;
  refuseReserved([alias]);
  return changeAdapter(world, caller, params.adapter, async (adapter, at) => {
    const { aliases } = adapter.value;
    const present = Object.hasOwn(aliases, alias) ? (aliases[alias] ?? null) : null;
    if (present === body.version) {
      const record = await findAlias(world.table, adapter.value, alias);
      if (record) return { unchanged: presentAlias(record) };
    }
    if (body.ifVersion !== undefined && body.ifVersion !== present)
      throw new DomainError('changed-meanwhile', `${pointsTo(alias, present)}, not ${body.ifVersion ?? 'nowhere'}.`);
    refuseTooMany(Object.keys(aliases), [alias]);
    await refuseVersion(world.table, adapter.value, body.version);
    const { version, evaluation } = body;
    await refusePromotion(world, caller, adapter.value, { alias, version, evaluation });
    return moveAlias(world, caller, adapter, alias, body.version, at, 'alias.set');
  });
});

const pointsTo = (alias: string, version: number | null): string =>
  version === null ? `There is no alias "${alias}" by now` : `"${alias}" points to version ${version} by now`;
