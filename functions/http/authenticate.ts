import type { RequiredScope, Scope } from '../../shared/contract/scopes.ts';
import { DomainError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { findApiKey, parseKeyText, secretMatches } from '../../shared/records/api-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { DeniedKeyError } from './note-denied.ts';

/**
 * Who calls, by `Authorization: Bearer lry_...`. Throws `DomainError('unauthenticated')` for a key that is missing, malformed, unknown,
 * revoked or expired, all alike; `DomainError('missing-scope')` names the scope. Where the key is known it is a `DeniedKeyError`.
 */
export async function authenticate(
  world: Pick<World, 'table' | 'now'>,
  authorization: string | undefined,
  scope: Exclude<RequiredScope, 'public'>,
  requestId: string,
): Promise<Caller> {
  const [, text = ''] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  const parts = parseKeyText(text);
  const found = parts && (await findApiKey(world.table, parts.keyId));
  if (!parts || !found || !secretMatches(found.value, parts.secret)) throw unauthenticated();
  const { team, id, scopes, revokedAt, expiresAt } = found.value;
  const denied = { team, keyId: id };
  if (revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= world.now()))
    throw new DeniedKeyError(unauthenticated(), denied);
  if (scope !== 'any' && !scopes.includes(scope)) throw new DeniedKeyError(missingScope(scope), denied);
  return { team, keyId: id, scopes, requestId };
}

/** Throws `DomainError('missing-scope')`, which names it. */
export function requireScope(scopes: readonly Scope[], scope: Scope): void {
  if (!scopes.includes(scope)) throw missingScope(scope);
}

const missingScope = (scope: Scope): DomainError =>
  new DomainError('missing-scope', `This key lacks the scope ${scope}: use one that has it, or ask for it.`);

const unauthenticated = (): DomainError =>
  new DomainError(
    'unauthenticated',
    'This call needs a valid key: send it as "Authorization: Bearer lry_...". It may be mistyped, revoked or expired.',
  );
