import { DomainError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { findApiKey, type ApiKeyRecord } from '../../shared/records/api-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { isWithinPrefix } from './within-own.ts';

/** A key of the caller's team that exists for the caller. Throws `DomainError('not-found')`. */
export async function findKey(
  { table }: Pick<World, 'table'>,
  caller: Caller,
  keyId: string,
): Promise<Stored<ApiKeyRecord>> {
  const key = await findApiKey(table, keyId);
  if (key?.value.team !== caller.team || !isWithinPrefix(caller, key.value.adapterPrefix))
    throw new DomainError('not-found', `There is no key "${keyId}".`);
  return key;
}
