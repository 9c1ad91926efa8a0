import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { operations } from '../../shared/contract/operations.ts';
import { roles, roleScopes, scopes } from '../../shared/contract/scopes.ts';
import { limits } from '../../shared/limits.ts';

/** Scopes of each role as the table of the page has them. */
function tableOf(page: string): Record<string, string[]> {
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  const cellsOf = (line: string): string[] => line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
  const head = rows.map(cellsOf).find(([, first]) => first === 'Scope') ?? [];
  const having = (role: string): string[] =>
    rows
      .map(cellsOf)
      .filter((cells) => scopes.some((scope) => scope === cells[1]) && cells[head.indexOf(role)] === 'yes')
      .map(([, scope = '']) => scope);
  return Object.fromEntries(roles.map((role) => [role, having(role).toSorted()]));
}

const sorted = (some: readonly string[]): string[] => [...some].toSorted();
const rolesThatAre = Object.fromEntries(roles.map((role) => [role, sorted(roleScopes[role])]));

test('a role with one scope too many is found', async () => {
  const page = await readFile('docs/access.md', 'utf8');
  const planted = page.replace(/(\| `keys:admin` +\|) {8}/, '$1 yes    ');
  expect(tableOf(planted)).not.toEqual(rolesThatAre);
});

test('docs/access.md has the roles as they are, and times of the product', async () => {
  const page = await readFile('docs/access.md', 'utf8');
  expect(tableOf(page)).toEqual(rolesThatAre);
  const seconds: Readonly<Record<string, number>> = { minutes: 60, days: 86_400 };
  const times = [...page.matchAll(/`(\w+)` \((\d+) (\w+)\)/g)];
  expect(times.length).toBeGreaterThan(2);
  const known: Readonly<Record<string, number>> = limits;
  for (const [, name = '', count, unit = ''] of times)
    expect({ name, is: Number(count) * (seconds[unit] ?? NaN) }).toEqual({ name, is: known[name] });
});

test('each role has all of the one below, and no scope is out of use', () => {
  for (const [at, role] of roles.slice(1).entries())
    for (const scope of roleScopes[role]) expect(roleScopes[roles[at] ?? 'owner']).toContain(scope);
  const asked = new Set<string>(operations.map(({ scope }) => scope));
  expect(scopes.filter((scope) => !asked.has(scope))).toEqual([]);
});
