import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { atOnce, json, jsonError, scriptedClient, scriptedHttp } from '../../test/support/scripted-http.ts';
import { ConditionError } from '../platform/ports.ts';
import { DynamoTable } from './dynamo-table.ts';

const key = { partition: 'p', sort: 's' };
const item = { pk: { S: 'p' }, sk: { S: 's' }, revision: { N: '3' }, content: { S: '{"a":1}' } };

function open(answer: Parameters<typeof scriptedHttp>[0]) {
  const http = scriptedHttp(answer);
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(scriptedClient(http)));
  return { http, table: new DynamoTable({ client, table: 't', now: () => 1_000_000, pace: atOnce }) };
}

const failure = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

test('a condition that does not hold is a condition error, and nothing is tried again', async () => {
  const { http, table } = open(() => jsonError('ConditionalCheckFailedException'));
  expect(await failure(table.put({ key, value: {} }, { ifRevision: 1 }))).toMatchObject({ failed: [0] });
  expect(await failure(table.delete(key, { ifAbsent: true }))).toBeInstanceOf(ConditionError);
  expect(http.sent).toHaveLength(2);
});

test('a write whose answer is lost is unavailable and sent once, for another time it would meet itself', async () => {
  const { http, table } = open(() => jsonError('InternalServerError', {}, 500));
  const calls = [
    table.put({ key, value: {} }, { ifAbsent: true }),
    table.put({ key, value: {} }),
    table.delete(key, { ifRevision: 1 }),
    table.increment(key, 'n', 1),
  ];
  for (const call of calls) expect(await failure(call)).toMatchObject({ name: 'UnavailableError' });
  expect(http.sent).toHaveLength(calls.length);
});

test('a throttled table is asked again, for a write too', async () => {
  const { http, table } = open((_, at) => (at < 2 ? jsonError('ThrottlingException') : json({ Item: item })));
  expect(await table.get(key)).toMatchObject({ value: { a: 1 }, revision: 3 });
  expect(http.sent).toHaveLength(3);
  const writes = open((_, at) => (at === 0 ? jsonError('ProvisionedThroughputExceededException') : json({})));
  await writes.table.put({ key, value: {} }, { ifAbsent: true });
  expect(writes.http.sent).toHaveLength(2);
  const never = open(() => jsonError('ThrottlingException'));
  expect(await failure(never.table.get(key))).toMatchObject({ name: 'UnavailableError' });
  expect(never.http.sent).toHaveLength(atOnce.triesMax);
});

const cancelled = (...codes: readonly (string | object)[]) =>
  jsonError('TransactionCanceledException', {
    CancellationReasons: codes.map((code) => (typeof code === 'string' ? { Code: code } : code)),
  });

test('a transaction with another in its way is tried again before its conditions are judged', async () => {
  const writes = [{ put: { key, value: {} }, condition: { ifAbsent: true } }] as const;
  const { http, table } = open((_, at) =>
    at === 0
      ? cancelled('ConditionalCheckFailed', 'TransactionConflict')
      : at === 1
        ? cancelled('ThrottlingError', 'None')
        : json({}),
  );
  await table.transact(writes, { token: 'x' });
  expect(http.sent).toHaveLength(3);
  const stuck = open(() => cancelled('TransactionConflict', 'None'));
  expect(await failure(stuck.table.transact(writes, { token: 'x' }))).toMatchObject({ name: 'UnavailableError' });
});

test('every failed position is named, and the token is none of them', async () => {
  const place = (sort: string) => ({ partition: 'p', sort });
  const { table } = open(() => cancelled('ConditionalCheckFailed', 'None', 'ConditionalCheckFailed', 'None'));
  const writes = [
    { put: { key: place('a'), value: {} }, condition: { ifAbsent: true } },
    { delete: place('b') },
    { check: place('c'), condition: { ifRevision: 1 } },
  ] as const;
  expect(await failure(table.transact(writes, { token: 'x' }))).toMatchObject({ failed: [0, 2] });
});

test('a token that was used says whether it was for the same', async () => {
  let kept = '';
  const first = open(({ body }) => {
    const { TransactItems } = JSON.parse(body) as { TransactItems: { Put: { Item: { content: { S: string } } } }[] };
    kept = TransactItems.at(-1)?.Put.Item.content.S ?? '';
    return json({});
  });
  const writes = [{ put: { key, value: {} }, condition: { ifAbsent: true } }] as const;
  await first.table.transact(writes, { token: 'x' });
  const again = open(() =>
    cancelled('ConditionalCheckFailed', { Code: 'ConditionalCheckFailed', Item: { content: { S: kept } } }),
  );
  await again.table.transact(writes, { token: 'x' });
  const other = again.table.transact([{ put: { key, value: { b: 1 } } }], { token: 'x' });
  expect(await failure(other)).toMatchObject({ code: 'token-reused' });
});

test('the table is read consistently, an index is not asked to be', async () => {
  const { http, table } = open(() => json({ Items: [] }));
  await table.query({ partition: 'p', limit: 5 });
  await table.query({ partition: 'p', limit: 5, index: 'index1', reverse: true });
  const bodies = http.sent.map(({ body }) => JSON.parse(body) as object);
  expect(bodies[0]).toMatchObject({ ConsistentRead: true, ScanIndexForward: true });
  expect(bodies[1]).toMatchObject({ IndexName: 'index1', ScanIndexForward: false });
  expect(bodies[1]).not.toHaveProperty('ConsistentRead');
});

test('a page of expired records alone is gone on from', async () => {
  const expired = { ...item, expiresAt: { N: '1000' } };
  const { http, table } = open((_, at) =>
    json(at === 0 ? { Items: [expired], LastEvaluatedKey: { pk: { S: 'p' }, sk: { S: 's' } } } : { Items: [item] }),
  );
  expect(await table.query({ partition: 'p', limit: 5 })).toMatchObject({ records: [{ revision: 3 }] });
  expect(http.sent).toHaveLength(2);
});
