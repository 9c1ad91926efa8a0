import { roleScopes, type RequiredScope, type Scope } from '../../shared/contract/scopes.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { World } from '../../shared/platform/ports.ts';
import {
  findApiKey,
  parseKeyText,
  scopesOfKey,
  secretMatches,
  type ApiKeyRecord,
} from '../../shared/records/api-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { findServiceAccount } from '../../shared/records/service-accounts.ts';
import { DeniedKeyError } from './note-denied.ts';
import type { Admit } from './request-rates.ts';

/**
 * Who calls, by `Authorization: Bearer lry_...`. Throws `DomainError('unauthenticated')` for a key that is missing, malformed, unknown,
 * revoked or expired, or of an account that is disabled, all alike; `DomainError('missing-scope')` names the scope; `admit` throws where the key calls too often. Where the key is known
 * it is a `DeniedKeyError`. What is no key is refused without a look at the store, and an unknown key after the same one look as a wrong
 * secret.
 */
export async function authenticate(
  world: Pick<World, 'table' | 'now'>,
  authorization: string | undefined,
  scope: Exclude<RequiredScope, 'public'>,
  requestId: string,
  admit: Admit,
): Promise<Caller> {
  const parts = parseKeyText(bearerOf(authorization));
  const found = parts && (await findApiKey(world.table, parts.keyId));
  if (!parts || !found || !secretMatches(found.value, parts.secret, world.now())) throw unauthenticated();
  const { team, id, revokedAt, expiresAt, adapterPrefix, serviceAccount } = found.value;
  const principal = { team, keyId: id, ...(serviceAccount === null ? {} : { serviceAccount }) };
  if (revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= world.now()))
    throw new DeniedKeyError(unauthenticated(), principal);
  admit(found.value);
  const scopes = await scopesNow(world, found.value);
  if (!scopes) throw new DeniedKeyError(unauthenticated(), principal);
  if (scope !== 'any' && !scopes.includes(scope)) throw new DeniedKeyError(missingScope(scope), principal);
  return { ...principal, scopes, requestId, ...(adapterPrefix === null ? {} : { adapterPrefix }) };
}

/** Throws `DomainError('missing-scope')`, which names it. */
export function requireScope(scopes: readonly Scope[], scope: Scope): void {
  if (!scopes.includes(scope)) throw missingScope(scope);
}

const missingScope = (scope: Scope): DomainError =>
  new DomainError('missing-scope', `This key lacks the scope ${scope}: use one that has it, or ask for it.`);

/** Several headers come joined by a comma, which is in no key. */
function bearerOf(authorization = ''): string {
  if (authorization.length > limits.authorizationCharsMax) return '';
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
}

/** What is left of a key's scopes under its account as that is now; undefined: nothing, as that is disabled. */
async function scopesNow({ table }: Pick<World, 'table'>, key: ApiKeyRecord): Promise<readonly Scope[] | undefined> {
  const own = scopesOfKey(key);
  if (key.serviceAccount === null) return own;
  const account = await findServiceAccount(table, key.team, key.serviceAccount);
  if (!account || account.value.disabledAt !== null) return undefined;
  return own.filter((scope) => roleScopes[account.value.role].includes(scope));
}

const unauthenticated = (): DomainError =>
  new DomainError(
    'unauthenticated',
    'This call needs a valid key: send it as "Authorization: Bearer lry_...". It may be mistyped, revoked or expired.',
  );
