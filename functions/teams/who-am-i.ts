import { whoAmI as operation } from '../../shared/contract/keys.ts';
import { invariant } from '../../shared/errors.ts';
import { findApiKey, presentApiKey } from '../../shared/records/api-keys.ts';
import { findLastUse } from '../../shared/records/api-key-uses.ts';
import { handler } from '../http/handler.ts';

/** With what the key may do in the end, which an account may bound. */
export const whoAmI = handler(operation, async ({ world }, { team, keyId, scopes }) => {
  const key = await findApiKey(world.table, keyId);
  invariant(key, 'a key that was let in has a record');
  const shown = presentApiKey(key.value, world.now(), await findLastUse(world.table, keyId));
  return { team, key: { ...shown, scopes: [...scopes] } };
});
