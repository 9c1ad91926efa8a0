import { revokeKey as operation } from '../../shared/contract/keys.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { apiKeyWrite, findApiKey } from '../../shared/records/api-keys.ts';
import { commit } from '../../shared/records/commit.ts';
import { handler } from '../http/handler.ts';

/** Every call reads the record of its key, so the next one is refused already. */
export const revokeKey = handler(operation, async ({ world }, caller, { params }) => {
  const key = await findApiKey(world.table, params.key);
  if (key?.value.team !== caller.team) throw new DomainError('not-found', `There is no key "${params.key}".`);
  if (key.value.revokedAt !== null) return undefined;
  const revoked = { ...key.value, revokedAt: new Date(world.now()).toISOString() };
  try {
    await commit(world, caller, { action: 'key.revoke', resource: `keys/${params.key}` }, [
      apiKeyWrite(revoked, key.revision),
    ]);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    throw new UnavailableError('The key was changed just now: try again.', { cause: error });
  }
  return undefined;
});
