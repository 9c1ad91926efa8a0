/** What a function may do, in words; `constructs/permissions.ts` turns each into actions on resources of the stage. */
export type Permission =
  /** Read and write records of any team: which one a caller belongs to stands in the key's record. */
  | 'records'
  /** Make records and read them. */
  | 'new-records'
  | 'read-records'
  /** Hand out rights to the data of one team. */
  | 'job-credentials'
  | 'read-blobs'
  /** Sign and join parts of uploads. */
  | 'upload-blobs'
  | 'delete-blobs'
  /** Start, look at and end jobs. */
  | 'jobs'
  | 'publish-events';

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
    paths: ['/v1/adapters', '/v1/uploads'],
    // completing the upload of a base starts its import
    permissions: ['records', 'read-blobs', 'upload-blobs', 'jobs', 'publish-events'],
    memoryMegabytes: 512,
    timeoutSeconds: apiTimeoutSeconds,
  },
  jobs: {
    paths: ['/v1/jobs', '/v1/generate'],
    permissions: ['records', 'read-blobs', 'jobs'],
    memoryMegabytes: 512,
    timeoutSeconds: apiTimeoutSeconds,
  },
  catalog: {
    paths: ['/v1/bases', '/v1/datasets', '/v1/compositions'],
    permissions: ['records', 'read-blobs', 'upload-blobs', 'jobs'],
    // a preview loads a tokenizer
    memoryMegabytes: 1536,
    timeoutSeconds: apiTimeoutSeconds,
  },
  teams: {
    paths: ['/v1/me', '/v1/keys', '/v1/audit', '/docs', '/openapi.json'],
    permissions: ['records'],
    memoryMegabytes: 512,
    timeoutSeconds: apiTimeoutSeconds,
  },
  validator: {
    paths: [],
    permissions: ['records', 'read-blobs', 'upload-blobs', 'jobs'],
    // most of a core: reading every byte of 20 GB has to end in time
    memoryMegabytes: 2048,
    timeoutSeconds: 900,
  },
  'job-events': { paths: [], permissions: ['records', 'jobs'], memoryMegabytes: 512, timeoutSeconds: 60 },
  reconciler: {
    paths: [],
    permissions: ['records', 'read-blobs', 'delete-blobs', 'jobs', 'publish-events'],
    memoryMegabytes: 512,
    timeoutSeconds: 240,
  },
  'job-credentials': {
    paths: [],
    permissions: ['read-records', 'job-credentials'],
    memoryMegabytes: 256,
    timeoutSeconds: 30,
  },
  admin: { paths: [], permissions: ['new-records'], memoryMegabytes: 256, timeoutSeconds: 30 },
} as const satisfies Readonly<Record<string, FunctionGroup>>;

export type FunctionName = keyof typeof functionGroups;
