import { rotateKey as operation } from '../../shared/contract/keys.ts';
import { DomainError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { apiKeyWrite, presentApiKey, renewSecret, scopesOfKey } from '../../shared/records/api-keys.ts';
import { commit } from '../../shared/records/commit.ts';
import { creator } from '../http/handler.ts';
import { findKey } from './find-key.ts';
import { refuseBeyondOwn } from './within-own.ts';

export const rotateKey = creator(
  operation,
  async ({ world }, caller, { params, body: { overlapSeconds } }) => {
    const { value, revision } = await findKey(world, caller, params.key);
    const now = world.now();
    const { expiresAt, revokedAt, adapterPrefix } = value;
    if (revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= now))
      throw new DomainError('key-ended', `The key "${params.key}" was revoked or has expired: make a new one.`);
    // whoever learns the secret may do what the key may
    refuseBeyondOwn(caller, { scopes: scopesOfKey(value), adapterPrefix });
    const { record, text } = renewSecret(value, (count) => world.randomBytes(count), { now, overlapSeconds });
    const detail = { overlapSeconds, overlapEndsAt: record.previous?.endsAt ?? null };
    const change = { action: 'key.rotate', resource: `keys/${params.key}`, detail, created: params.key };
    try {
      await commit(world, caller, change, [apiKeyWrite(record, revision)]);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      throw new DomainError('changed-meanwhile', 'The key was changed meanwhile: look at it and try again.');
    }
    return { key: presentApiKey(record, now), secret: text };
  },
  async ({ world }, caller, created) => ({
    key: presentApiKey((await findKey(world, caller, created)).value, world.now()),
    secret: null,
  }),
);
