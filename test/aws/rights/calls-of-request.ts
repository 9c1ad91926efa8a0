import { blobClass, partitionClass, type RecordedCall } from './recorded-call.ts';

/** A request to AWS as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** The service that a request is signed for, in its headers or in its URL. */
export function serviceOf({ path, headers }: WireRequest): string {
  const signed = headers['authorization'] ?? queryOf(path).get('X-Amz-Credential') ?? '';
  const [, service] = /\/\d{8}\/[a-z0-9-]+\/([a-z0-9-]+)\/aws4_request/.exec(signed.replaceAll('%2F', '/')) ?? [];
  if (service === undefined) throw new Error(`${path} is signed for no service`);
  return service;
}

/** The rights that a request needs; whoever signed it needs them, whoever sends it. Throws for an operation that is not known here. */
export function callsOfRequest(request: WireRequest): readonly RecordedCall[] {
  const service = serviceOf(request);
  const read = services[service];
  if (!read) throw new Error(`the service ${service} is not known here`);
  return read(request);
}

type Json = Readonly<Record<string, unknown>>;

const services: Readonly<Record<string, (request: WireRequest) => readonly RecordedCall[]>> = {
  dynamodb: (request) => tableCalls(targetOf(request), jsonOf(request)),
  s3: blobCalls,
  batch: (request) => batchCalls(request.path, jsonOf(request)),
  events: (request) =>
    (jsonOf(request)['Entries'] as readonly Json[]).map(() => known('events', targetOf(request), 'event-bus')),
  lambda: ({ path }) => [
    { action: 'lambda:InvokeFunction', resource: `function/${nameInPath(path, /\/functions\/([^/]+)\/invocations$/)}` },
  ],
  kms: (request) => {
    const { KeyId: key } = jsonOf(request);
    const context = typeof key === 'string' && key.startsWith('alias/') ? { 'kms:RequestAlias': [key] } : {};
    return [{ ...known('kms', targetOf(request), 'key/any'), context }];
  },
  sts: ({ body }) => {
    const form = new URLSearchParams(Buffer.from(body).toString());
    const role = form.get('RoleArn')?.split('/').at(-1) ?? '';
    return [known('sts', form.get('Action') ?? '', `role/${role}`)];
  },
};

const plainActions: ReadonlySet<string> = new Set([
  'events:PutEvents',
  'kms:GetPublicKey',
  'kms:Sign',
  'sts:AssumeRole',
]);

function known(service: string, operation: string, resource: string): RecordedCall {
  const action = `${service}:${operation}`;
  if (!plainActions.has(action)) throw new Error(`${action} is not known here`);
  return { action, resource };
}

interface Item {
  readonly Key?: { readonly pk: { readonly S: string } };
  readonly Item?: { readonly pk: { readonly S: string } };
}

/** Keys that one request asks for by the same action are judged together. */
function tableCalls(operation: string, input: Json): readonly RecordedCall[] {
  const call = (name: string, resource: string, partitions: readonly string[]): RecordedCall => ({
    action: `dynamodb:${name}`,
    resource,
    context: { 'dynamodb:LeadingKeys': [...new Set(partitions.map(partitionClass))].toSorted() },
  });
  const keyOf = ({ Key, Item }: Item): string => (Key ?? Item)?.pk.S ?? '';
  switch (operation) {
    case 'GetItem':
    case 'PutItem':
    case 'UpdateItem':
    case 'DeleteItem':
      return [call(operation, 'table', [keyOf(input)])];
    case 'Query': {
      const { IndexName, ExpressionAttributeValues } = input as {
        IndexName?: string;
        ExpressionAttributeValues: Record<string, { S: string }>;
      };
      const partition = ExpressionAttributeValues[':partition']?.S ?? '';
      return [call(operation, IndexName === undefined ? 'table' : `table/index/${IndexName}`, [partition])];
    }
    case 'TransactWriteItems': {
      const partitions = new Map<string, string[]>();
      for (const item of input['TransactItems'] as readonly Readonly<Record<string, Item>>[])
        for (const [kind, one] of Object.entries(item)) {
          const name = transacted[kind];
          if (name === undefined) throw new Error(`a transaction has a ${kind}, which is not known here`);
          partitions.set(name, [...(partitions.get(name) ?? []), keyOf(one)]);
        }
      return [...partitions].map(([name, keys]) => call(name, 'table', keys));
    }
    default:
      throw new Error(`dynamodb:${operation} is not known here`);
  }
}

const transacted: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
};

/** Of a bucket that is named in the path. */
function blobCalls({ method, path, headers }: WireRequest): readonly RecordedCall[] {
  // it would read another object, too
  if (headers['x-amz-copy-source'] !== undefined) throw new Error(`a copy is not known here: ${path}`);
  const [, key = ''] = /^\/[^/?]+\/?([^?]*)/.exec(path) ?? [];
  const query = queryOf(path);
  for (const name of query.keys())
    if (!blobQuery.test(name)) throw new Error(`${name} of a request to S3 is not known here: ${path}`);
  const operation = `${method} ${blobOperation(key, query)}`;
  const action = blobActions[operation];
  if (action === undefined) throw new Error(`${operation} of S3 is not known here: ${path}`);
  if (key !== '')
    return [{ action: `s3:${action}`, resource: `bucket/${blobClass(decodeURIComponent(key))}`, context: {} }];
  const prefix = query.get('prefix');
  return [
    {
      action: `s3:${action}`,
      resource: 'bucket',
      ...(prefix === null ? {} : { context: { 's3:prefix': [blobClass(prefix)] } }),
    },
  ];
}

/** What asks for something else, such as `tagging`, is another action. */
const blobQuery =
  /^(versions|prefix|(key|version-id|part-number)-marker|max-parts|uploads|uploadId|partNumber|versionId|x-id|response-[a-z-]+|X-Amz-[A-Za-z0-9-]+|x-amz-[a-z0-9-]+)$/;

function blobOperation(key: string, query: URLSearchParams): string {
  if (key === '') return query.has('versions') ? 'versions' : 'bucket';
  if (query.has('uploads')) return 'uploads';
  if (query.has('uploadId')) return query.has('partNumber') ? 'part' : 'upload';
  return query.has('versionId') ? 'version' : 'object';
}

const blobActions: Readonly<Record<string, string>> = {
  'GET versions': 'ListBucketVersions',
  'GET bucket': 'ListBucket',
  'HEAD version': 'GetObjectVersion',
  'GET version': 'GetObjectVersion',
  'HEAD object': 'GetObject',
  'GET object': 'GetObject',
  'PUT object': 'PutObject',
  'POST uploads': 'PutObject',
  'PUT part': 'PutObject',
  'POST upload': 'PutObject',
  'GET upload': 'ListMultipartUploadParts',
  'DELETE upload': 'AbortMultipartUpload',
  'DELETE version': 'DeleteObjectVersion',
  'DELETE object': 'DeleteObject',
};

function batchCalls(path: string, input: Json): readonly RecordedCall[] {
  const operation = nameInPath(path, /^\/v1\/([a-z]+)$/);
  switch (operation) {
    case 'submitjob':
      return [
        { action: 'batch:SubmitJob', resource: `job-queue/${String(input['jobQueue'])}` },
        { action: 'batch:SubmitJob', resource: `job-definition/${String(input['jobDefinition'])}` },
        ...(input['tags'] === undefined ? [] : [{ action: 'batch:TagResource', resource: 'job/any' }]),
      ];
    case 'terminatejob':
      return [{ action: 'batch:TerminateJob', resource: 'job/any' }];
    case 'describejobs':
      return [{ action: 'batch:DescribeJobs', resource: '*' }];
    case 'listjobs':
      return [{ action: 'batch:ListJobs', resource: '*' }];
    default:
      throw new Error(`batch: ${operation} is not known here`);
  }
}

const targetOf = ({ headers }: WireRequest): string => headers['x-amz-target']?.split('.').at(-1) ?? '';

const jsonOf = ({ body }: WireRequest): Json => JSON.parse(Buffer.from(body).toString()) as Json;

const queryOf = (path: string): URLSearchParams => new URLSearchParams(path.split('?')[1] ?? '');

function nameInPath(path: string, pattern: RegExp): string {
  const [, name] = pattern.exec(decodeURIComponent(path.split('?')[0] ?? '')) ?? [];
  if (name === undefined) throw new Error(`${path} is not known here`);
  return name;
}
