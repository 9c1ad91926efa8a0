import { auditRecordSchema, type AuditRecord } from '../contract/audit.ts';
import type { JsonObject, RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import type { Caller } from './caller.ts';
import { keys } from './keys.ts';
import { recordValue } from './stored.ts';

/** What a change is called in the audit. */
export interface AuditedChange {
  /** E.g. `adapter.create`. */
  readonly action: string;
  /** E.g. `adapters/french`. */
  readonly resource: string;
  readonly detail?: JsonObject;
}

/** The row of a change, to be written in the change's own transaction. `log`: the team in whose audit it stands, where that is another's. */
export function auditWrite(
  { now, randomBytes }: Pick<World, 'now' | 'randomBytes'>,
  caller: Caller,
  change: AuditedChange,
  log: string = caller.team,
): RecordWrite {
  const at = new Date(now()).toISOString();
  const position = randomBytes(2).reduce((sum, byte) => 256 * sum + byte, 0);
  return {
    put: {
      key: keys.audit(log, at, caller.requestId, position),
      value: recordValue(rowOf(caller, change, at, log)),
    },
    condition: { ifAbsent: true },
  };
}

/** The row of something that was refused, in one of the places that a key has for that in a minute; `log` as above. */
export function deniedWrite(
  { now }: Pick<World, 'now'>,
  caller: Omit<Caller, 'scopes'>,
  attempt: AuditedChange,
  place: number,
  log: string = caller.team,
): { readonly put: { readonly key: ReturnType<typeof keys.auditDenied>; readonly value: JsonObject } } {
  const at = new Date(now()).toISOString();
  const row: AuditRecord = { ...rowOf(caller, attempt, at, log), outcome: 'denied' };
  return { put: { key: keys.auditDenied(log, at, caller.keyId, place), value: recordValue(row) } };
}

export function readAuditRecord({ value }: Pick<StoredRecord, 'value'>): AuditRecord {
  return auditRecordSchema.parse(value);
}

function rowOf(
  caller: Omit<Caller, 'scopes'>,
  { action, resource, detail }: AuditedChange,
  at: string,
  log: string,
): AuditRecord {
  const { team, keyId, serviceAccount, requestId, operation, from } = caller;
  return {
    at,
    action,
    resource,
    keyId,
    ...(team === log ? {} : { team }),
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
    requestId,
    ...(operation === undefined ? {} : { operation }),
    ...(from ? { from: { ...from } } : {}),
    ...(detail ? { detail } : {}),
  };
}
