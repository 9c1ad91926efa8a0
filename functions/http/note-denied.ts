import type { Operation } from '../../shared/contract/operation.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { ConditionError, type World } from '../../shared/platform/ports.ts';
import { deniedWrite } from '../../shared/records/audit.ts';
import type { Caller } from '../../shared/records/caller.ts';

/** Who was refused: a key that is known, whether or not it still opens anything. */
export type DeniedCaller = Omit<Caller, 'scopes'>;

/** What a key may not do, or that it may do nothing any more. Nobody is told more than by the `DomainError` that it is. */
export class DeniedKeyError extends DomainError {
  /** Whose key it is; for the audit alone. */
  readonly denied: Pick<DeniedCaller, 'team' | 'keyId' | 'serviceAccount'>;

  constructor(error: DomainError, denied: Pick<DeniedCaller, 'team' | 'keyId' | 'serviceAccount'>) {
    super(error.code, error.message, { findings: error.findings });
    this.denied = denied;
  }
}

export type NoteDenied = (
  caller: DeniedCaller,
  operation: Operation,
  path: string,
  error: DomainError,
) => Promise<void>;

/**
 * Writes what a key was refused into the audit of its team. A key has `limits.auditDeniedPerMinuteMax` places a minute, however many servers
 * answer it; what comes after is not written, and costs no look into the table. Throws as the table does.
 */
export function createDeniedNotes(world: Pick<World, 'table' | 'now'>): NoteDenied {
  let minute = 0;
  const taken = new Map<string, number>();
  return async (caller, { operationId }, path, { code }) => {
    const now = Math.floor(world.now() / 60_000);
    if (now !== minute) taken.clear();
    minute = now;
    for (let place = taken.get(caller.keyId) ?? 0; place < limits.auditDeniedPerMinuteMax; place++) {
      taken.set(caller.keyId, place + 1);
      const isLast = place + 1 === limits.auditDeniedPerMinuteMax;
      const detail = { code, ...(isLast ? { more: 'what follows in this minute is not written' } : {}) };
      const { put } = deniedWrite(world, caller, { action: operationId, resource: path, detail }, place);
      try {
        await world.table.put(put, { ifAbsent: true });
        return;
      } catch (error) {
        // another server has taken the place
        if (!(error instanceof ConditionError)) throw error;
      }
    }
  };
}
