import { rollbackAlias as operation } from '../../shared/contract/adapters.ts';
import { refuseReserved, rollbackTarget } from '../../shared/domain/alias-rules.ts';
import { DomainError } from '../../shared/errors.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import type { AdapterRecord } from '../../shared/records/adapters.ts';
import { readAliasStep, type AliasStep } from '../../shared/records/aliases.ts';
import { keys } from '../../shared/records/keys.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';
import { moveAlias } from './move-alias.ts';
import { refuseVersion } from './refuse-version.ts';

export const rollbackAlias = handler(operation, async ({ world }, caller, { params, body }) => {
  const { alias } = params;
  refuseReserved([alias]);
  return changeAdapter(world, caller, params.adapter, async (adapter, at) => {
    const steps = await newestSteps(world.table, adapter.value, alias);
    const present = steps[0]?.version ?? null;
    if (!steps[0]) throw new DomainError('not-found', `The adapter "${params.adapter}" has no alias "${alias}".`);
    if (body.ifVersion !== undefined && body.ifVersion !== present)
      throw new DomainError(
        'changed-meanwhile',
        `"${alias}" points to version ${present ?? 'none'} by now, not ${body.ifVersion}.`,
      );
    const target = rollbackTarget(steps);
    if (target === undefined)
      throw new DomainError('nothing-before', `"${alias}" has pointed to no other version before: set it instead.`);
    await refuseVersion(world.table, adapter.value, target);
    return moveAlias(world, caller, adapter, alias, target, at, 'alias.rollback');
  });
});

/** Far more steps than an alias is removed and set to the same version in a row. */
const stepsLookedAt = 100;

async function newestSteps(
  table: RecordTable,
  { team, id }: AdapterRecord,
  alias: string,
): Promise<readonly AliasStep[]> {
  const { partition } = keys.aliasHistory(team, id, alias, 0);
  const { records } = await table.query({ partition, limit: stepsLookedAt, reverse: true });
  return records.map(readAliasStep);
}
