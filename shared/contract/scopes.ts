/** What a key may be allowed to do. A route asks for exactly one; `any` is every valid key, `public` needs none. */
export const scopes = [
  'adapters:read',
  'adapters:write',
  'aliases:promote',
  'adapters:share',
  'datasets:read',
  'datasets:write',
  'bases:write',
  'jobs:read',
  'jobs:run',
  'keys:admin',
  'audit:read',
  'billing:read',
  'billing:write',
] as const;

export type Scope = (typeof scopes)[number];
export type RequiredScope = Scope | 'any' | 'public';

export const roles = ['owner', 'maintainer', 'contributor', 'reader'] as const;

/** A named set of scopes. A key with a role has what the role has at the time of each call. */
export type Role = (typeof roles)[number];

const read = ['adapters:read', 'datasets:read', 'jobs:read'] as const;
const contribute = [...read, 'adapters:write', 'datasets:write', 'jobs:run'] as const;
const maintain = [
  ...contribute,
  'aliases:promote',
  'adapters:share',
  'bases:write',
  'audit:read',
  'billing:read',
] as const;

/** In the order of `scopes`. */
export const roleScopes: Readonly<Record<Role, readonly Scope[]>> = {
  owner: scopes,
  maintainer: inOrder(maintain),
  contributor: inOrder(contribute),
  reader: inOrder(read),
};

function inOrder(some: readonly Scope[]): readonly Scope[] {
  return scopes.filter((scope) => some.includes(scope));
}
