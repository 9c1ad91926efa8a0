import { z } from 'zod';
import { invariant, UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type RecordTable, type RecordWrite, type World } from '../platform/ports.ts';
import { auditWrite, type AuditedChange } from './audit.ts';
import type { Caller, Idempotency } from './caller.ts';
import { keys } from './keys.ts';

export interface Change extends AuditedChange {
  /** Id of what is made, where a repetition of the call shall find it. */
  readonly created?: string;
}

/** The call was made before and has made this; nothing was written now. */
export class AlreadyDoneError extends Error {
  override readonly name = 'AlreadyDoneError';
  readonly created: string;

  constructor(created: string) {
    super('the same call has been made before');
    this.created = created;
  }
}

/**
 * Writes all of it and its audit row, or nothing. Throws `ConditionError` with the positions in `writes` that failed, and
 * `AlreadyDoneError` when the same call has made its thing before.
 */
export async function commit(
  world: Pick<World, 'table' | 'now' | 'randomBytes'>,
  caller: Caller,
  change: Change,
  writes: readonly RecordWrite[],
): Promise<void> {
  const now = world.now();
  const { idempotency } = caller;
  const remember: RecordWrite[] =
    idempotency && change.created !== undefined ? [rememberWrite(caller, idempotency, change.created, now)] : [];
  const audit = auditWrite(world, caller, change);
  try {
    await transactSurely(world, [...writes, ...remember, audit]);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    if (idempotency && error.failed.includes(writes.length)) {
      const done = await findDone(world.table, caller, idempotency);
      if (done !== undefined) throw new AlreadyDoneError(done.created);
    }
    throw error;
  }
}

/** Repeats a transaction whose answer was lost, while there is time; its token keeps it from being written twice. */
export async function transactSurely(
  world: Pick<World, 'table' | 'randomBytes'>,
  writes: readonly RecordWrite[],
): Promise<void> {
  const token = newToken(world);
  const begin = performance.now();
  for (let attempt = 1; ; attempt++)
    try {
      return await world.table.transact(writes, { token });
    } catch (error) {
      const hasTime = performance.now() - begin < limits.storePatienceMilliseconds;
      if (!(error instanceof UnavailableError) || attempt === attemptsMax || !hasTime) throw error;
    }
}

const attemptsMax = 3;

const rememberedSeconds = 24 * 3600;

const doneSchema = z.object({ operationId: z.string(), requestHash: z.string(), created: z.string() });

/** What a call with this idempotency key has made before. */
export async function findDone(
  table: RecordTable,
  caller: Caller,
  { keyHash }: Idempotency,
): Promise<z.output<typeof doneSchema> | undefined> {
  const record = await table.get(keys.idempotency(caller.team, caller.keyId, keyHash));
  return record && doneSchema.parse(record.value);
}

function rememberWrite(caller: Caller, idempotency: Idempotency, created: string, now: number): RecordWrite {
  const { keyHash, operationId, requestHash } = idempotency;
  return {
    put: {
      key: keys.idempotency(caller.team, caller.keyId, keyHash),
      value: { operationId, requestHash, created },
      expiresAt: Math.floor(now / 1000) + rememberedSeconds,
    },
    condition: { ifAbsent: true },
  };
}

/** 22 characters that nobody guesses and no two calls share. */
export function newToken({ randomBytes }: Pick<World, 'randomBytes'>): string {
  const bytes = randomBytes(16);
  invariant(bytes.length === 16, 'randomBytes gives what was asked for');
  return Buffer.from(bytes).toString('base64url');
}

/** An id such as `adp_5hq2...`: its kind, then 16 characters of a base32 alphabet without look-alikes (80 bits). */
export function newId(world: Pick<World, 'randomBytes'>, kind: string): string {
  const text = [...world.randomBytes(16)].map((byte) => alphabet[byte % 32]).join('');
  return `${kind}_${text}`;
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
