import { roleScopes } from '../../shared/contract/scopes.ts';
import { updateServiceAccount as operation } from '../../shared/contract/service-accounts.ts';
import { DomainError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { commit } from '../../shared/records/commit.ts';
import {
  getServiceAccountRecord,
  presentServiceAccount,
  serviceAccountWrite,
} from '../../shared/records/service-accounts.ts';
import { recordValue } from '../../shared/records/stored.ts';
import { handler } from '../http/handler.ts';
import { isWithinPrefix, refuseBeyondOwn } from './within-own.ts';

/** Every call with a key of an account reads the account, so the next one is refused already when it is disabled. */
export const updateServiceAccount = handler(operation, async ({ world }, caller, { params, body }) => {
  const { account: name } = params;
  const { value, revision } = await getServiceAccountRecord(world.table, caller.team, name);
  const { adapterPrefix } = value;
  if (!isWithinPrefix(caller, adapterPrefix))
    throw new DomainError('not-found', `There is no service account "${name}".`);
  const { disabled = value.disabledAt !== null, role = value.role, description = value.description } = body;
  // to give and to give back takes having it; to disable does not
  if (role !== value.role || (!disabled && value.disabledAt !== null))
    refuseBeyondOwn(caller, { scopes: roleScopes[role], adapterPrefix });
  const disabledAt = disabled ? (value.disabledAt ?? new Date(world.now()).toISOString()) : null;
  const changed = { ...value, role, description, disabledAt };
  const change = {
    action:
      disabledAt === value.disabledAt ? 'service-account.update' : `service-account.${disabled ? 'disable' : 'enable'}`,
    resource: `service-accounts/${name}`,
    detail: recordValue(body),
  };
  try {
    await commit(world, caller, change, [serviceAccountWrite(changed, revision)]);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    throw new DomainError('changed-meanwhile', 'The account was changed meanwhile: look at it and try again.');
  }
  return presentServiceAccount(changed);
});
