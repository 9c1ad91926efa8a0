import { expect, test } from 'vitest';
import { callsOfRequest, type WireRequest } from './calls-of-request.ts';
import { readCall, textOfCall } from './recorded-call.ts';

const signedFor = (service: string, more: Readonly<Record<string, string>> = {}): WireRequest['headers'] => ({
  authorization: `AWS4-HMAC-SHA256 Credential=key/20261129/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
  ...more,
});

function linesOf(request: Partial<WireRequest>, body: unknown = ''): readonly string[] {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return callsOfRequest({ method: 'POST', path: '/', headers: {}, body: bytes, ...request }).map(textOfCall);
}

const table = (operation: string, body: object): readonly string[] =>
  linesOf({ headers: signedFor('dynamodb', { 'x-amz-target': `DynamoDB_20120810.${operation}` }) }, body);
const blobs = (method: string, path: string, more: Readonly<Record<string, string>> = {}): readonly string[] =>
  linesOf({ method, path, headers: signedFor('s3', more) });

test('a transaction needs the right to each kind of its writes, for all keys of that kind together', () => {
  const item = (pk: string) => ({ Item: { pk: { S: pk } } });
  const key = (pk: string) => ({ Key: { pk: { S: pk } } });
  const TransactItems = [
    { Put: item('blue#job#job_1') },
    { Put: item('blue#audit#2026-11-29T18') },
    { Put: item('TOKEN#t') },
    { Delete: key('blue#purge#adp_1') },
    { ConditionCheck: key('blue#job#job_1') },
  ];
  expect(table('TransactWriteItems', { TransactItems })).toEqual([
    'dynamodb:PutItem table dynamodb:LeadingKeys=TOKEN#any,blue#any,blue#audit#any',
    'dynamodb:DeleteItem table dynamodb:LeadingKeys=blue#any',
    'dynamodb:ConditionCheckItem table dynamodb:LeadingKeys=blue#any',
  ]);
});

test('a query names the index, and the list that all teams share', () => {
  const ExpressionAttributeValues = { ':partition': { S: 'ACTIVE#jobs' } };
  expect(table('Query', { IndexName: 'index2', ExpressionAttributeValues })).toEqual([
    'dynamodb:Query table/index/index2 dynamodb:LeadingKeys=ACTIVE#jobs',
  ]);
});

test('a blob is read by its version or without, which are two rights, and parts need the right to put', () => {
  expect(blobs('HEAD', '/b/blue/jobs/j/x?versionId=1')).toEqual(['s3:GetObjectVersion bucket/blue/jobs/any']);
  expect(blobs('GET', '/b/blue/jobs/j/x')).toEqual(['s3:GetObject bucket/blue/jobs/any']);
  expect(blobs('PUT', '/b/blue/jobs/j/x?partNumber=2&uploadId=u')).toEqual(['s3:PutObject bucket/blue/jobs/any']);
  expect(blobs('GET', '/b/blue/jobs/j/x?uploadId=u')).toEqual(['s3:ListMultipartUploadParts bucket/blue/jobs/any']);
  expect(blobs('DELETE', '/b/blue/jobs/j/x')).toEqual(['s3:DeleteObject bucket/blue/jobs/any']);
  expect(blobs('GET', '/b?versions=&prefix=blue%2Fjobs%2Fj')).toEqual([
    's3:ListBucketVersions bucket s3:prefix=blue/jobs/any',
  ]);
});

test('a link that was signed is a call of whoever signed it', () => {
  const path = '/b/blue/versions/v/x?versionId=1&X-Amz-Credential=key%2F20261129%2Fus-east-1%2Fs3%2Faws4_request';
  expect(linesOf({ method: 'GET', path })).toEqual(['s3:GetObjectVersion bucket/blue/versions/any']);
});

test('a key that is asked for by its alias needs the right to that alias, and one by its id to any', () => {
  const sign = (body: object) => linesOf({ headers: signedFor('kms', { 'x-amz-target': 'TrentService.Sign' }) }, body);
  expect(sign({ KeyId: 'alias/lorary-dev' })).toEqual(['kms:Sign key/any kms:RequestAlias=alias/lorary-dev']);
  expect(sign({ KeyId: '1234' })).toEqual(['kms:Sign key/any']);
});

test('what is not known is an error and no gap in the recording', () => {
  expect(() => table('Scan', {})).toThrow('dynamodb:Scan is not known here');
  expect(() => blobs('PUT', '/b/blue/x/y?tagging=')).toThrow('tagging of a request to S3 is not known here');
  expect(() => blobs('PUT', '/b/blue/x/y', { 'x-amz-copy-source': '/b/red/x' })).toThrow('a copy is not known here');
  expect(() => linesOf({ path: '/v1/canceljob', headers: signedFor('batch') }, {})).toThrow('canceljob');
  expect(() => linesOf({ headers: signedFor('iam') })).toThrow('the service iam is not known here');
  expect(() => linesOf({})).toThrow('signed for no service');
});

test('a line is read as it was written', () => {
  const line = 'dynamodb:PutItem table dynamodb:LeadingKeys=TOKEN#any,blue#any';
  expect(textOfCall(readCall(line))).toBe(line);
});
