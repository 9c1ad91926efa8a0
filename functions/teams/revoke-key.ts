import { revokeKey as operation } from '../../shared/contract/keys.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { apiKeyWrite } from '../../shared/records/api-keys.ts';
import { commit } from '../../shared/records/commit.ts';
import { handler } from '../http/handler.ts';
import { findKey } from './find-key.ts';

/** Every call reads the record of its key, so the next one is refused already. Both secrets of a key that was rotated end. */
export const revokeKey = handler(operation, async ({ world }, caller, { params }) => {
  for (let attempt = 1; ; attempt++) {
    const key = await findKey(world, caller, params.key);
    if (key.value.revokedAt !== null) return undefined;
    const revoked = { ...key.value, previous: null, revokedAt: new Date(world.now()).toISOString() };
    const change = { action: 'key.revoke', resource: `keys/${params.key}` };
    try {
      await commit(world, caller, change, [apiKeyWrite(revoked, key.revision)]);
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === attemptsMax)
        throw new UnavailableError('The key is changed too often just now: try again.', { cause: error });
    }
  }
});

/** Whoever rotates a key as fast as it is revoked loses after a few of these: each lost race is a change by somebody else. */
const attemptsMax = 10;
