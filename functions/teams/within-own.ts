import type { Scope } from '../../shared/contract/scopes.ts';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import type { Caller } from '../../shared/records/caller.ts';

/** What is to be given, or what a key has whose secret is to be told. */
export interface Powers {
  readonly scopes: readonly Scope[];
  readonly adapterPrefix: string | null;
}

/** Throws `DomainError('scope-beyond-own')` with everything that the caller would give without having it. */
export function refuseBeyondOwn(caller: Caller, { scopes, adapterPrefix }: Powers): void {
  const findings = scopes
    .filter((scope) => !caller.scopes.includes(scope))
    .map((scope): Finding => {
      const message = 'the calling key does not have it itself: leave it out, or call with one that has it';
      return { severity: 'error', code: 'scope-beyond-own', message, where: scope };
    });
  if (!isWithinPrefix(caller, adapterPrefix))
    findings.push({
      severity: 'error',
      code: 'prefix-beyond-own',
      message: `the calling key works with adapters "${caller.adapterPrefix}..." only: give a prefix that begins so`,
      where: 'adapterPrefix',
    });
  refuseErrors('scope-beyond-own', 'A key gives no more than it has:', findings);
}

/** Whether what is bound to a prefix, or to none, is within that of the caller. What is not does not exist for it. */
export function isWithinPrefix({ adapterPrefix: own }: Pick<Caller, 'adapterPrefix'>, prefix: string | null): boolean {
  return own === undefined || (prefix !== null && prefix.startsWith(own));
}
