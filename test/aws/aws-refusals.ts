import type { PassingRequest, ProxyAnswer } from './faulty-proxy.ts';

/** The operation of DynamoDB that a request asks for. */
export function tableOperation({ headers }: PassingRequest): string {
  return String(headers['x-amz-target'] ?? '').replace(/^.*\./, '');
}

/** DynamoDB's answer to a call that it does not do for now; `pick` chooses among its words for that, from 0 to 1. */
export function throttled(request: PassingRequest, pick: number): ProxyAnswer {
  const names = tableOperation(request) === 'TransactWriteItems' ? transactionRefusals : refusals;
  const name = names[Math.floor(pick * names.length)] ?? 'ThrottlingException';
  if (!name.startsWith('reason:')) return tableError(name);
  const { TransactItems } = JSON.parse(request.body.toString()) as { readonly TransactItems: readonly object[] };
  const at = Math.floor(pick * 1000) % TransactItems.length;
  const CancellationReasons = TransactItems.map((_, i) => ({ Code: i === at ? name.slice(7) : 'None' }));
  return tableError('TransactionCanceledException', { CancellationReasons });
}

const refusals = ['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded'] as const;
const transactionRefusals = [
  ...refusals,
  'reason:TransactionConflict',
  'reason:ProvisionedThroughputExceeded',
  'reason:ThrottlingError',
  'TransactionInProgressException',
] as const;

function tableError(name: string, more: object = {}): ProxyAnswer {
  const body = JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name, ...more });
  return { status: 400, headers: { 'content-type': 'application/x-amz-json-1.0' }, body };
}

/** S3's answer when it is asked too often, or to `CompleteMultipartUpload` also under a status that promises more (`status: 200`). */
export function slowDown({ status = 503, code = 'SlowDown' } = {}): ProxyAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Please reduce your request rate.</Message><RequestId>1</RequestId></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

/** Batch's answer to a call that it may have done. */
export const batchFailed: ProxyAnswer = {
  status: 500,
  headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'ServerException' },
  body: '{"message":"It failed."}',
};

/** What of S3 a request asks for, as far as uploads and reads go. */
export function blobOperation({ method, url }: PassingRequest): string {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const isObject = pathname.split('/').filter(Boolean).length > 1;
  if (method === 'POST' && searchParams.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'POST' && searchParams.has('uploadId')) return 'CompleteMultipartUpload';
  if (method === 'PUT' && searchParams.has('partNumber')) return 'UploadPart';
  if (method === 'DELETE' && searchParams.has('uploadId')) return 'AbortMultipartUpload';
  if (method === 'GET' && searchParams.has('uploadId')) return 'ListParts';
  if (method === 'PUT' && isObject) return 'PutObject';
  return method === 'GET' && isObject ? 'GetObject' : `${method} ${isObject ? 'object' : 'bucket'}`;
}
