import { paginateScan, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { recordsOf, type Records, type Row } from '../../crash/check/store.ts';

/** Everything in a table, read by a scan and nothing of the product. */
export async function readDynamo(client: DynamoDBDocumentClient, table: string): Promise<Records> {
  const rows: Row[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    // what else is there are tokens of transactions
    for (const item of Items) if (typeof item['content'] === 'string') rows.push(rowOf(item as Item));
  const inOrder = (a: Row, b: Row): number => compare(a.partition, b.partition) || compare(a.sort, b.sort);
  return recordsOf(rows.toSorted(inOrder));
}

/** An item as it is laid out. */
interface Item {
  readonly pk: string;
  readonly sk: string;
  readonly revision: number;
  /** JSON. */
  readonly content: string;
  readonly counters?: Readonly<Record<string, number>>;
  readonly pk1?: string;
  readonly sk1?: string;
  readonly pk2?: string;
  readonly sk2?: string;
}

function rowOf(item: Item): Row {
  const { pk, sk, revision, content, counters, pk1, sk1, pk2, sk2 } = item;
  return {
    partition: pk,
    sort: sk,
    revision,
    value: { ...(JSON.parse(content) as Row['value']), ...counters },
    index1: pk1 === undefined ? null : `${pk1} ${sk1 ?? ''}`,
    index2: pk2 === undefined ? null : `${pk2} ${sk2 ?? ''}`,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
