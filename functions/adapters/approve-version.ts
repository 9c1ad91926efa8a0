import { approveVersion as operation } from '../../shared/contract/protections.ts';
import { DomainError } from '../../shared/errors.ts';
import { getAdapterRecord } from '../../shared/records/adapters.ts';
import { principalOf } from '../../shared/records/approvals.ts';
import { commit } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { handler } from '../http/handler.ts';
import { refuseVersion } from './refuse-version.ts';

export const approveVersion = handler(operation, async ({ world }, caller, { params, body: { version } }) => {
  const { alias } = params;
  const { value } = await getAdapterRecord(world.table, caller.team, params.adapter);
  if (!Object.hasOwn(value.protections ?? {}, alias))
    throw new DomainError(
      'not-protected',
      `The alias "${alias}" of "${value.name}" is not protected: nobody asks for an approval.`,
    );
  await refuseVersion(world.table, value, version);
  const approval = { alias, version, approvedAt: new Date(world.now()).toISOString(), approvedBy: caller.keyId };
  const change = { action: 'alias.approve', resource: `adapters/${value.name}/aliases/${alias}`, detail: { version } };
  const { serviceAccount = null } = caller;
  const key = keys.approval(value.team, value.id, alias, version, principalOf(caller));
  await commit(world, caller, change, [{ put: { key, value: { ...approval, serviceAccount } } }]);
  return approval;
});
