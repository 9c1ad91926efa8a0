import { listAudit as operation, type AuditRecord } from '../../shared/contract/audit.ts';
import type { OperationInput } from '../../shared/contract/operation.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { readAuditRecord } from '../../shared/records/audit.ts';
import { auditPartition } from '../../shared/records/keys.ts';
import { readPages } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

type Query = OperationInput<typeof operation>['query'];

export const listAudit = handler(operation, async ({ world }, { team }, { query }) => {
  const { from, to } = rangeOf(query, world.now());
  const lists = hoursOf(from, to).map((hour) => ({ partition: auditPartition(team, hour), reverse: true }));
  const isPassedOver = [query.key, query.action, query.resource, query.outcome].some((wanted) => wanted !== undefined);
  return readPages(
    world,
    lists,
    query,
    (record) => {
      const row = readAuditRecord(record);
      const at = Date.parse(row.at);
      return at >= from && at < to && isWanted(row, query) ? row : undefined;
    },
    { readsMax: limits.auditReadsMax, ...(isPassedOver ? { recordsEach: limits.queryRecordsMax } : {}) },
  );
});

/** Milliseconds since 1970, `to` no longer belonging to it. Throws `DomainError('invalid-request')`. */
function rangeOf({ day, from, to }: Query, now: number): { readonly from: number; readonly to: number } {
  if (day !== undefined && (from !== undefined || to !== undefined))
    throw new DomainError('invalid-request', 'Say either the day, or from and to.');
  if (from === undefined && to !== undefined) throw new DomainError('invalid-request', '"to" needs "from".');
  const begin = Date.parse(from ?? day ?? new Date(now).toISOString().slice(0, 10));
  const end = from === undefined ? begin + dayMilliseconds : to === undefined ? now + 1 : Date.parse(to);
  if (end < begin) throw new DomainError('invalid-request', '"to" lies before "from".');
  if (end - begin > limits.auditRangeDaysMax * dayMilliseconds)
    throw new DomainError('invalid-request', `Ask for at most ${limits.auditRangeDaysMax} days at once.`);
  return { from: begin, to: end };
}

const hourMilliseconds = 3_600_000;
const dayMilliseconds = 24 * hourMilliseconds;

/** The newest first. */
function hoursOf(from: number, to: number): string[] {
  const hours: string[] = [];
  for (let at = Math.ceil(to / hourMilliseconds) - 1; (at + 1) * hourMilliseconds > from; at--)
    hours.push(new Date(at * hourMilliseconds).toISOString().slice(0, 13));
  return hours;
}

function isWanted(row: AuditRecord, { key, action, resource, outcome }: Query): boolean {
  return (
    (key === undefined || row.keyId === key) &&
    (action === undefined || row.action === action || row.action.startsWith(`${action}.`)) &&
    (resource === undefined || row.resource === resource || row.resource.startsWith(`${resource}/`)) &&
    (outcome === undefined || (row.outcome ?? 'done') === outcome)
  );
}
