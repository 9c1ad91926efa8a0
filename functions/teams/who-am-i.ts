import { whoAmI as operation } from '../../shared/contract/keys.ts';
import { invariant } from '../../shared/errors.ts';
import { findApiKey, presentApiKey } from '../../shared/records/api-keys.ts';
import { handler } from '../http/handler.ts';

export const whoAmI = handler(operation, async ({ world }, { team, keyId }) => {
  const key = await findApiKey(world.table, keyId);
  invariant(key, 'a key that was let in has a record');
  return { team, key: presentApiKey(key.value) };
});
