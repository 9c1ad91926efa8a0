import { limits } from '../limits.ts';
import type { NewRecord } from '../platform/ports.ts';
import { conditionalPut } from './write-items.ts';

/**
 * The item of a transaction that remembers its token. DynamoDB's own tokens cannot serve a caller that repeats: they cover the conditions,
 * too, and those name the time. `digest`: of what the transaction writes; `now` in seconds.
 */
export function tokenItem(token: string, digest: string, TableName: string, now: number) {
  const record: NewRecord = {
    key: { partition: `TOKEN#${token}`, sort: 'token' },
    value: { digest },
    expiresAt: now + limits.transactionTokenSeconds,
  };
  const put = conditionalPut(record, { ifAbsent: true }, now);
  return { Put: { TableName, ...put, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const } };
}

/** The digest in the content of such an item. */
export function digestOf(content: string): string {
  return (JSON.parse(content) as { digest: string }).digest; // written above
}
