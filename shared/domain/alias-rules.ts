import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';

/** The alias that the platform moves itself: the newest version that is not withdrawn. */
export const latestAlias = 'latest';

/** Throws `DomainError('alias-reserved')` for an alias that is not the caller's to move. */
export function refuseReserved(aliases: readonly string[]): void {
  if (aliases.includes(latestAlias))
    throw new DomainError(
      'alias-reserved',
      'The platform moves "latest" itself, to the newest version that is not withdrawn: choose another alias.',
    );
}

/** Throws `DomainError('too-many-aliases')` when the adapter would have more than it may. `latest` does not count. */
export function refuseTooMany(existing: readonly string[], added: readonly string[]): void {
  const count = new Set([...existing, ...added].filter((alias) => alias !== latestAlias)).size;
  if (count > limits.aliasesMax)
    throw new DomainError(
      'too-many-aliases',
      `An adapter has at most ${limits.aliasesMax} aliases, not ${count}: remove one that is not used.`,
    );
}

/** Aliases beside `latest` that point to this version, sorted. */
export function aliasesOf(aliases: Readonly<Record<string, number>>, version: number): string[] {
  return Object.keys(aliases)
    .filter((alias) => alias !== latestAlias && aliases[alias] === version)
    .toSorted();
}

/**
 * Where a rollback leads: to the version of the newest earlier step that differs from where the alias points now (null: it was removed).
 * A second rollback therefore undoes the first. Steps newest first, the present one included; undefined: there is nothing before.
 */
export function rollbackTarget(steps: readonly { readonly version: number | null }[]): number | undefined {
  const [present, ...earlier] = steps;
  return earlier.find(({ version }) => version !== null && version !== present?.version)?.version ?? undefined;
}
