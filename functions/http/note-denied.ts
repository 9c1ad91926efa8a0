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

/** What another team's adapter is not shared for; that team is told, too. */
export class SharedReadOnlyError extends DomainError {
  readonly owner: string;

  constructor(ref: string, owner: string) {
    super('shared-read-only', `"${ref}" is another team's: it is shared with yours to be read and used, no more.`);
    this.owner = owner;
  }
}

export type NoteDenied = (
  caller: DeniedCaller,
  operation: Operation,
  path: string,
  error: DomainError,
) => Promise<void>;

/**
 * Writes what a key was refused into the audit of its team, and of the one whose adapter it was about. A key has `limits.auditDeniedPerMinuteMax` places a minute, however many servers
 * answer it; what comes after is not written, and costs no look into the table. Throws as the table does.
 */
export function createDeniedNotes(world: Pick<World, 'table' | 'now'>): NoteDenied {
  let minute = 0;
  const taken = new Map<string, number>();
  const note = async (
    log: string,
    caller: DeniedCaller,
    { operationId }: Operation,
    path: string,
    { code }: DomainError,
  ): Promise<void> => {
    const now = Math.floor(world.now() / 60_000);
    if (now !== minute) taken.clear();
    minute = now;
    const key = `${log} ${caller.keyId}`;
    for (let place = taken.get(key) ?? 0; place < limits.auditDeniedPerMinuteMax; place++) {
      taken.set(key, place + 1);
      const isLast = place + 1 === limits.auditDeniedPerMinuteMax;
      const detail = { code, ...(isLast ? { more: 'what follows in this minute is not written' } : {}) };
      const { put } = deniedWrite(world, caller, { action: operationId, resource: path, detail }, place, log);
      try {
        await world.table.put(put, { ifAbsent: true });
        return;
      } catch (error) {
        // another server has taken the place
        if (!(error instanceof ConditionError)) throw error;
      }
    }
  };
  return async (caller, operation, path, error) => {
    await note(caller.team, caller, operation, path, error);
    if (error instanceof SharedReadOnlyError) await note(error.owner, caller, operation, path, error);
  };
}
