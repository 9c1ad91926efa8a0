/** What a function may do, in words; `constructs/permissions.ts` turns each into actions on resources of the stage. */
export type Permission =
  /** Of any team, as all that follow: which one a caller belongs to stands in the key's record. */
  | 'read-records'
  /** Make records and read them. */
  | 'new-records'
  /** The same, and write over what is there. */
  | 'records'
  | 'delete-records'
  /** Write only while another record is as it was. */
  | 'check-records'
  /** Records of one partition of the table. */
  | 'list-records'
  /** Records by the indexes. */
  | 'search-records'
  /** Hand out rights to the data of one team. */
  | 'job-credentials'
  | 'read-blobs'
  /** Be told of a blob that is not there that it is not, instead of that it is forbidden. */
  | 'miss-blobs'
  /** Find blobs by what their keys begin with. */
  | 'find-blobs'
  /** Sign and join parts of uploads. */
  | 'upload-blobs'
  | 'delete-blobs'
  /** Start jobs on any machine, and end one that was cancelled meanwhile. */
  | 'start-jobs'
  /** The same, without accelerators. */
  | 'start-cpu-jobs'
  /** Ask what has become of jobs. */
  | 'look-at-jobs'
  | 'publish-events'
  /** Read the token for gated models, where the settings allow them. */
  | 'hub-token'
  /** Sign with the key of the stage, and read its public half. */
  | 'sign'
  /** Read the public half of the key that signs. */
  | 'signing-key';

export interface FunctionGroup {
  /** First parts of the paths that it answers, none for one that works on events. */
  readonly paths: readonly string[];
  readonly permissions: readonly Permission[];
  readonly memoryMegabytes: number;
  readonly timeoutSeconds: number;
}

/** An HTTP API waits no longer than 30 s; the function then still says what went wrong. */
const apiTimeoutSeconds = 29;

/** The deployed functions: `functions/<name>/lambda.ts`, each with what it needs and no more. */
export const functionGroups = {
  adapters: {
    paths: ['/v1/adapters', '/v1/shared-adapters', '/v1/uploads', '/v1/lineage'],
    permissions: [
      'records',
      'delete-records',
      'check-records',
      'list-records',
      'search-records',
      'read-blobs',
      'miss-blobs',
      // what an upload became whose completion was not answered
      'find-blobs',
      'upload-blobs',
      // completing the upload of a base starts its import
      'start-cpu-jobs',
      'publish-events',
    ],
    memoryMegabytes: 512,
    timeoutSeconds: apiTimeoutSeconds,
  },
  jobs: {
    paths: ['/v1/jobs', '/v1/budgets', '/v1/generate'],
    permissions: [
      'records',
      'delete-records',
      'check-records',
      'list-records',
      'search-records',
      'read-blobs',
      'miss-blobs',
      'start-jobs',
    ],
    memoryMegabytes: 512,
    timeoutSeconds: apiTimeoutSeconds,
  },
  catalog: {
    paths: ['/v1/bases', '/v1/datasets', '/v1/compositions'],
    permissions: [
      'records',
      'delete-records',
      'search-records',
      'read-blobs',
      'miss-blobs',
      'upload-blobs',
      // a base of Hugging Face is imported at once
      'start-cpu-jobs',
      'hub-token',
    ],
    // a preview loads a tokenizer
    memoryMegabytes: 1536,
    timeoutSeconds: apiTimeoutSeconds,
  },
  teams: {
    paths: ['/v1/me', '/v1/keys', '/v1/service-accounts', '/v1/audit', '/v1/signing-key', '/docs', '/openapi.json'],
    permissions: ['new-records', 'list-records', 'search-records', 'signing-key'],
    memoryMegabytes: 512,
    timeoutSeconds: apiTimeoutSeconds,
  },
  validator: {
    paths: [],
    permissions: ['records', 'read-blobs', 'miss-blobs', 'find-blobs', 'upload-blobs', 'start-cpu-jobs', 'sign'],
    // most of a core: what it does not leave to a job ends in a quarter of its time
    memoryMegabytes: 2048,
    timeoutSeconds: 900,
  },
  'job-events': {
    paths: [],
    permissions: ['records', 'list-records', 'start-jobs', 'look-at-jobs'],
    memoryMegabytes: 512,
    timeoutSeconds: 60,
  },
  reconciler: {
    paths: [],
    permissions: [
      'records',
      'delete-records',
      'check-records',
      'list-records',
      'search-records',
      'find-blobs',
      'delete-blobs',
      'start-jobs',
      'look-at-jobs',
      'publish-events',
      // seals of the audit
      'sign',
    ],
    memoryMegabytes: 512,
    timeoutSeconds: 240,
  },
  'job-credentials': {
    paths: [],
    permissions: ['read-records', 'job-credentials', 'hub-token'],
    memoryMegabytes: 256,
    timeoutSeconds: 30,
  },
  // for the containers of jobs, which have no right to the key
  signer: { paths: [], permissions: ['read-records', 'sign'], memoryMegabytes: 256, timeoutSeconds: 30 },
  admin: { paths: [], permissions: ['new-records'], memoryMegabytes: 256, timeoutSeconds: 30 },
} as const satisfies Readonly<Record<string, FunctionGroup>>;

export type FunctionName = keyof typeof functionGroups;
