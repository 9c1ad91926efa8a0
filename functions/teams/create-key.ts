import { createKey as operation } from '../../shared/contract/keys.ts';
import type { OperationInput } from '../../shared/contract/operation.ts';
import { roleScopes, type Role, type Scope } from '../../shared/contract/scopes.ts';
import { DomainError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { apiKeyWrite, findApiKey, makeKeyText, newApiKey, presentApiKey } from '../../shared/records/api-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit } from '../../shared/records/commit.ts';
import { findServiceAccount, type ServiceAccountRecord } from '../../shared/records/service-accounts.ts';
import { creator } from '../http/handler.ts';
import { findKey } from './find-key.ts';
import { isWithinPrefix, refuseBeyondOwn } from './within-own.ts';

type Body = OperationInput<typeof operation>['body'];

export const createKey = creator(
  operation,
  async ({ world }, caller, { body }) => {
    const { name } = body;
    const account = await accountOf(world, caller, body.serviceAccount);
    const { role, scopes } = powersOf(body, account);
    const adapterPrefix = body.adapterPrefix ?? account?.adapterPrefix ?? caller.adapterPrefix ?? null;
    refuseBeyondOwn(caller, { scopes, adapterPrefix });
    if (account) refuseBeyondAccount(account, { scopes, adapterPrefix });
    const expiresAt = await endOf(world, caller, body.expiresAt);
    const now = world.now();
    const made = makeKeyText((count) => world.randomBytes(count));
    const { keyId, text } = made;
    const serviceAccount = account?.name ?? null;
    const key = newApiKey(made, {
      team: caller.team,
      name,
      role,
      scopes,
      adapterPrefix,
      serviceAccount,
      createdBy: caller.keyId,
      now,
      expiresAt,
    });
    const detail = { name, role, scopes: key.scopes, adapterPrefix, serviceAccount, expiresAt };
    const change = { action: 'key.create', resource: `keys/${keyId}`, detail, created: keyId };
    await commit(world, caller, change, [apiKeyWrite(key)]);
    return { key: presentApiKey(key, now), secret: text };
  },
  async ({ world }, caller, created) => ({
    key: presentApiKey((await findKey(world, caller, created)).value, world.now()),
    secret: null,
  }),
);

/** Throws `DomainError('no-such-service-account')`. */
async function accountOf(
  { table }: Pick<World, 'table'>,
  caller: Caller,
  name: string | undefined,
): Promise<ServiceAccountRecord | undefined> {
  if (name === undefined) return undefined;
  const account = (await findServiceAccount(table, caller.team, name))?.value;
  if (!account || !isWithinPrefix(caller, account.adapterPrefix))
    throw new DomainError('no-such-service-account', `There is no service account "${name}": make it first.`);
  return account;
}

function powersOf(
  { role, scopes = [] }: Body,
  account: ServiceAccountRecord | undefined,
): { readonly role: Role | null; readonly scopes: readonly Scope[] } {
  const asked = role ?? (scopes.length === 0 ? account?.role : undefined);
  return asked === undefined ? { role: null, scopes } : { role: asked, scopes: roleScopes[asked] };
}

/** Throws `DomainError('scope-beyond-own')`: what the account does not have, its key would never have. */
function refuseBeyondAccount(
  { name, role, adapterPrefix: bound }: ServiceAccountRecord,
  { scopes, adapterPrefix }: { readonly scopes: readonly Scope[]; readonly adapterPrefix: string | null },
): void {
  const beyond = scopes.filter((scope) => !roleScopes[role].includes(scope));
  const account = `The service account "${name}"`;
  if (beyond.length > 0)
    throw new DomainError(
      'scope-beyond-own',
      `${account} is a ${role} and lacks ${beyond.join(', ')}: leave that out.`,
    );
  if (bound !== null && !adapterPrefix?.startsWith(bound))
    throw new DomainError(
      'scope-beyond-own',
      `${account} works with adapters "${bound}..." only: give no other prefix.`,
    );
}

/** When a key ends that this caller makes: not after the caller's own. Throws `DomainError('already-expired' | 'scope-beyond-own')`. */
async function endOf(
  { table, now }: Pick<World, 'table' | 'now'>,
  { keyId }: Caller,
  asked: string | undefined,
): Promise<string | null> {
  const own = (await findApiKey(table, keyId))?.value.expiresAt ?? null;
  if (asked === undefined) return own;
  if (Date.parse(asked) <= now())
    throw new DomainError('already-expired', `A key that expires at ${asked} would never work: choose a later time.`);
  if (own !== null && Date.parse(asked) > Date.parse(own))
    throw new DomainError('scope-beyond-own', `The calling key ends at ${own}: it makes none that ends later.`);
  return asked;
}
