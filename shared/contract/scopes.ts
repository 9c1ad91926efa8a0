/** What a key may be allowed to do. A route asks for exactly one; `any` is every valid key, `public` needs none. */
export const scopes = [
  'adapters:read',
  'adapters:write',
  'aliases:promote',
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
