import type { RecordQuery } from '../platform/ports.ts';
import { sortRange } from '../platform/sort-range.ts';
import { tableSchema } from './table-schema.ts';

/** A range of sort keys as DynamoDB can ask for it: both ends included. */
export interface KeyCondition {
  readonly KeyConditionExpression: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Readonly<Record<string, string>>;
  /** At most two sort keys that the condition lets in and the query does not ask for. */
  readonly beside: readonly string[];
}

/** Undefined when the query asks for no key at all, which DynamoDB takes for a mistake. */
export function keyCondition(query: RecordQuery): KeyCondition | undefined {
  const names = query.index ? tableSchema.indexes[query.index] : tableSchema;
  const { above, from, below } = sortRange(query);
  const low = above === undefined || (from !== undefined && compare(from, above) > 0) ? from : above;
  if (low !== undefined && below !== undefined && compare(low, below) >= 0) return undefined;
  const range =
    low === undefined
      ? below === undefined
        ? ''
        : ' AND #sort < :below'
      : below === undefined
        ? low === above
          ? ' AND #sort > :low'
          : ' AND #sort >= :low'
        : ' AND #sort BETWEEN :low AND :below';
  const both = low !== undefined && below !== undefined;
  return {
    KeyConditionExpression: `#partition = :partition${range}`,
    ExpressionAttributeNames: { '#partition': names.partitionKey, ...(range === '' ? {} : { '#sort': names.sortKey }) },
    ExpressionAttributeValues: {
      ':partition': query.partition,
      ...(low === undefined ? {} : { ':low': low }),
      ...(below === undefined ? {} : { ':below': below }),
    },
    beside: both ? [below, ...(low === above ? [low] : [])] : [],
  };
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
