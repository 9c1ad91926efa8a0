import { roleScopes } from '../../shared/contract/scopes.ts';
import { createServiceAccount as operation } from '../../shared/contract/service-accounts.ts';
import { DomainError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import {
  getServiceAccountRecord,
  presentServiceAccount,
  serviceAccountWrite,
} from '../../shared/records/service-accounts.ts';
import { creator } from '../http/handler.ts';
import { refuseBeyondOwn } from './within-own.ts';

export const createServiceAccount = creator(
  operation,
  async ({ world }, caller, { body }) => {
    const { name, role, description, adapterPrefix = caller.adapterPrefix ?? null } = body;
    refuseBeyondOwn(caller, { scopes: roleScopes[role], adapterPrefix });
    const account = {
      id: newId(world, 'sa'),
      team: caller.team,
      name,
      description,
      role,
      adapterPrefix,
      disabledAt: null,
      createdAt: new Date(world.now()).toISOString(),
      createdBy: caller.keyId,
    };
    const detail = { role, adapterPrefix };
    const change = { action: 'service-account.create', resource: `service-accounts/${name}`, detail, created: name };
    try {
      await commit(world, caller, change, [serviceAccountWrite(account)]);
    } catch (error) {
      if (error instanceof ConditionError && error.failed.includes(0))
        throw new DomainError('name-taken', `There is a service account "${name}" already: choose another name.`);
      throw error;
    }
    return presentServiceAccount(account);
  },
  async ({ world }, { team }, created) =>
    presentServiceAccount((await getServiceAccountRecord(world.table, team, created)).value),
);
