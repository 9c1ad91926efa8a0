import { z } from 'zod';
import { DomainError } from '../errors.ts';

/**
 * The environment variables of functions and job containers on AWS, read here and written by the stacks. Region, credentials and
 * `AWS_ENDPOINT_URL` with its variants are the SDK's own.
 */
export const environmentNames = {
  /** Name of the table. */
  table: 'LORARY_TABLE',
  bucket: 'LORARY_BUCKET',
  /** Name of the event bus. */
  eventBus: 'LORARY_EVENT_BUS',
  /** JSON: a list of `JobClass`. Only functions that start jobs have it. */
  jobClasses: 'LORARY_JOB_CLASSES',
  /** `cpu`: merging takes no GPU. Only the function that makes jobs has it. */
  mergeOn: 'LORARY_MERGE_ON',
  /** Alias of the key of KMS that signs. Only functions that sign, or tell the key, have it. */
  signingKey: 'LORARY_SIGNING_KEY',
  /** Name of the function that signs what a job has made. Only containers have it; absent: what they publish is not signed. */
  signerFunction: 'LORARY_SIGNER_FUNCTION',
  /** Name of the function that gives a container the credentials of its job; absent: those that the SDK finds are enough. */
  credentialsFunction: 'LORARY_CREDENTIALS_FUNCTION',
  /** ARN of the role that those credentials are of. Only that function has it. */
  jobDataRole: 'LORARY_JOB_DATA_ROLE',
  /** Where the stage answers, e.g. `https://lorary.example.com`. Only the function that makes teams has it, to say so. */
  url: 'LORARY_URL',
  /** Name of the parameter with the token for gated models. Only the functions that look at them and give it to imports have it. */
  hubTokenParameter: 'LORARY_HUB_TOKEN_PARAMETER',
  /** The container image by its digest. Only containers of an image that was pushed before have it. */
  image: 'LORARY_IMAGE',
  /** Folder on the disk of a job container for what it works on; absent: a temporary one. */
  work: 'LORARY_WORK',
} as const;

const jobClass = z.strictObject({
  /** Name or ARN of the queue, whose machines are alike. */
  queue: z.string().min(1),
  /** Name (then the newest revision) or ARN. */
  jobDefinition: z.string().min(1),
  /** Of one GPU; absent: a queue without GPUs. */
  gpuMemoryBytes: z.int().positive().optional(),
  /** Of a machine, where the stage knows it better than the list in `shared/domain/machine-prices.ts`. */
  price: z.strictObject({ dollarsPerHour: z.number().positive(), asOf: z.string() }).optional(),
});

/** Machines of one kind: where a run is queued and what describes its container. */
export type JobClass = z.output<typeof jobClass>;

export interface AwsSettings {
  readonly table: string;
  readonly bucket: string;
  readonly eventBus: string;
  /** Of the container that this is; absent: it is none, or that is not known. */
  readonly image?: string;
  /** Empty: this process starts no jobs. */
  readonly jobClasses: readonly JobClass[];
  /** `host/bucket/key` instead of `bucket.host/key`: emulators have one host. */
  readonly pathStyle: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether this process belongs to a platform on AWS. */
export function isOnAws(environment: Environment): boolean {
  return Boolean(environment[environmentNames.table]);
}

/** Throws `DomainError('bad-setting')` with every setting that is missing or malformed. */
export function readAwsSettings(environment: Environment): AwsSettings {
  const { table, bucket, eventBus, jobClasses } = environmentNames;
  const schema = z.object({
    [table]: z.string().min(1),
    [bucket]: z.string().min(1),
    [eventBus]: z.string().min(1),
    [jobClasses]: z.string().optional(),
  });
  const parsed = schema.safeParse(environment);
  const image = environment[environmentNames.image];
  const classes = parseJobClasses(environment[jobClasses]);
  if (!parsed.success || !classes.success) {
    const issues = [...(parsed.error?.issues ?? []), ...(classes.error?.issues ?? [])];
    const findings = issues.map(({ path, message }) => ({
      severity: 'error' as const,
      code: 'bad-setting',
      message,
      where: path.join('.'),
    }));
    const listed = findings.map(({ where, message }) => `${where}: ${message}`).join('; ');
    throw new DomainError('bad-setting', `The environment of this process is incomplete: ${listed}.`, { findings });
  }
  return {
    table: parsed.data[table] ?? '',
    bucket: parsed.data[bucket] ?? '',
    eventBus: parsed.data[eventBus] ?? '',
    jobClasses: classes.data[jobClasses] ?? [],
    ...(image ? { image } : {}),
    pathStyle: Boolean(environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL']),
  };
}

function parseJobClasses(text: string | undefined): z.ZodSafeParseResult<Record<string, JobClass[]>> {
  let value: unknown;
  try {
    value = text === undefined || text === '' ? [] : JSON.parse(text);
  } catch {
    value = text; // the schema says what it should be
  }
  return z.object({ [environmentNames.jobClasses]: z.array(jobClass) }).safeParse({
    [environmentNames.jobClasses]: value,
  });
}
