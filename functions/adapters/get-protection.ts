import { getProtection as operation } from '../../shared/contract/protections.ts';
import { DomainError } from '../../shared/errors.ts';
import { getAdapterRecord } from '../../shared/records/adapters.ts';
import { handler } from '../http/handler.ts';

export const getProtection = handler(operation, async ({ world }, { team }, { params }) => {
  const { value } = await getAdapterRecord(world.table, team, params.adapter);
  const { protections = {} } = value;
  const found = Object.hasOwn(protections, params.alias) ? protections[params.alias] : undefined;
  if (!found) throw new DomainError('not-found', `The alias "${params.alias}" of "${value.name}" is not protected.`);
  return found;
});
