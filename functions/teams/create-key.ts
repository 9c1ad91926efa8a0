import { createKey as operation } from '../../shared/contract/keys.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import { apiKeyWrite, findApiKey, makeKeyText, newApiKey, presentApiKey } from '../../shared/records/api-keys.ts';
import { commit } from '../../shared/records/commit.ts';
import { creator } from '../http/handler.ts';

export const createKey = creator(
  operation,
  async ({ world }, caller, { body }) => {
    const { name, expiresAt = null } = body;
    const findings = body.scopes
      .filter((scope) => !caller.scopes.includes(scope))
      .map((scope) => ({
        severity: 'error' as const,
        code: 'scope-beyond-own',
        message: 'the calling key does not have it itself: leave it out, or call with one that has it',
        where: scope,
      }));
    refuseErrors('scope-beyond-own', 'A key gives no more than it has:', findings);
    const now = world.now();
    if (expiresAt !== null && Date.parse(expiresAt) <= now)
      throw new DomainError(
        'already-expired',
        `A key that expires at ${expiresAt} would never work: choose a later time.`,
      );
    const made = makeKeyText((count) => world.randomBytes(count));
    const { keyId, text } = made;
    const { team } = caller;
    const key = newApiKey(made, { team, name, scopes: body.scopes, createdBy: caller.keyId, now, expiresAt });
    const detail = { name, scopes: key.scopes };
    const change = { action: 'key.create', resource: `keys/${keyId}`, detail, created: keyId };
    await commit(world, caller, change, [apiKeyWrite(key)]);
    return { key: presentApiKey(key), secret: text };
  },
  async ({ world }, { team }, created) => {
    const key = await findApiKey(world.table, created);
    if (key?.value.team !== team) throw new DomainError('not-found', `There is no key "${created}".`);
    return { key: presentApiKey(key.value), secret: null };
  },
);
