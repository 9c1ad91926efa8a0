import { listAliasHistory as operation } from '../../shared/contract/adapters.ts';
import { DomainError } from '../../shared/errors.ts';
import { findAlias, readAliasStep } from '../../shared/records/aliases.ts';
import { keys } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { getReadable } from '../../shared/records/shares.ts';
import { handler } from '../http/handler.ts';

export const listAliasHistory = handler(operation, async ({ world }, { team }, { params, query }) => {
  const { value } = await getReadable(world.table, team, params.adapter);
  if (!(await findAlias(world.table, value, params.alias)))
    throw new DomainError('not-found', `The adapter "${value.name}" has no alias "${params.alias}".`);
  const { partition } = keys.aliasHistory(value.team, value.id, params.alias, 0);
  return readPage(world, { partition, reverse: true }, query, readAliasStep);
});
