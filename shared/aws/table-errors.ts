import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';

export function isConditionFailure(error: unknown): boolean {
  return error instanceof ConditionalCheckFailedException;
}

export interface Cancellation {
  /** Something passing was in the way, so it is not known which conditions would fail. */
  readonly conflicts: boolean;
  /** Conditions that did not hold, with the content of the record they were asked of where the write wanted to know. */
  readonly failed: readonly { readonly position: number; readonly content: string }[];
}

/** Why DynamoDB did not do a transaction; undefined for any other error, one that lies in the transaction itself included. */
export function cancellationOf(error: unknown): Cancellation | undefined {
  if (!(error instanceof TransactionCanceledException)) return undefined;
  const reasons = error.CancellationReasons ?? [];
  const conflicts = reasons.some(({ Code = 'None' }) => passing.has(Code));
  const failed = reasons.flatMap(({ Code, Item }, position) =>
    Code === 'ConditionalCheckFailed' ? [{ position, content: Item?.['content']?.S ?? '{}' }] : [],
  );
  return conflicts || failed.length > 0 ? { conflicts, failed } : undefined;
}

const passing: ReadonlySet<string> = new Set([
  'TransactionConflict',
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
]);
