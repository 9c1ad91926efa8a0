import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { downloadField, findingField, idField, nameField, orNull, timeField } from './fields.ts';
import { jobRequestSchema } from './job-requests.ts';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';
import { lineageSchema } from './versions.ts';

export const jobKinds = [
  'train',
  'train-tasks',
  'sweep',
  'evaluate',
  'generate',
  'compose',
  'merge',
  'export',
  'import-base',
  'validate-upload',
] as const;
export type JobKind = (typeof jobKinds)[number];

/**
 * `queued`: waits for a machine; `running`: a container has claimed it; `cancelling`: it was asked to end; `succeeded`, `failed` and
 * `cancelled` are ends. A container that dies without a word brings a job back to `queued`, or ends it when it has died too often.
 */
export const jobStates = ['queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

const jobPath = z.object({ job: idField });

/** What a job is expected to take. */
export const estimateSchema = z
  .object({
    tokens: z.int().nullable().describe('Tokens that go through the model, steps included.'),
    steps: z.int().nullable(),
    stepsAreExact: z
      .boolean()
      .describe('Whether the run has just that many steps: they are counted in rows, and every line is one.'),
    memoryBytes: z.int(),
    diskBytes: z
      .int()
      .describe('On the disk of its machine: what it reads, what it keeps while it works, and what it makes.'),
    storedBytes: z
      .int()
      .describe('In the store: what it makes, checkpoints and exported files. Reserved with the job.'),
    seconds: z.number(),
    training: z
      .object({
        trainableParameters: z.int(),
        secondsPerStep: z.number(),
        plan: z.string().describe('How steps would be taken: the fastest way that fits the machine, for people.'),
        memory: z
          .object({
            process: z.int().describe('The process, the runtime and its graph.'),
            weights: z.int().describe('Frozen weights, mapped from their files or copied.'),
            trained: z.int().describe('What is trained, its gradients and moments.'),
            live: z.int().describe('What a step computes and keeps.'),
            text: z.int().describe('Tokenizer and rows.'),
          })
          .describe('What `memoryBytes` is made of.'),
      })
      .nullable()
      .describe('Of a training run; null for any other job.'),
    basis: z.string().describe('What the figures rest on.'),
  })
  .openapi('Estimate');

/** How much memory a job needs, against what the machine has that it gets. */
export const machineFitSchema = z
  .object({
    name: z.string().describe('Of the class of machines.'),
    memoryBytes: z.int().describe('Of its GPU where it has one.'),
    leastBytes: z.int().describe('What the most frugal way takes.'),
    fits: z.boolean(),
    smallestThatFits: z.string().nullable().describe('The smallest class on which it fits; null: none.'),
  })
  .openapi('MachineFit');

export const jobSchema = z
  .object({
    id: idField,
    kind: z.enum(jobKinds),
    state: z.enum(jobStates),
    reason: z.string().describe('Why it is in this state, for people.'),
    request: z.record(z.string(), z.unknown()).describe('As asked for, names pinned.'),
    inputs: lineageSchema
      .omit({ origin: true, jobId: true })
      .describe('What it reads, by ids and hashes: names may come to mean something else.'),
    attempt: z.int().describe('From 1; more when a container died and the job went on elsewhere.'),
    usage: z
      .object({
        machineSeconds: z
          .number()
          .describe(
            'Of all containers that had the job and have ended, each from its claim to its end, or to when it was known to be gone. A machine is paid for while it starts and stops, too.',
          ),
        machineClass: z
          .string()
          .nullable()
          .describe('What the last of them ran on: the queue, on AWS; null where there are no classes.'),
        chargedSeconds: z
          .number()
          .describe(
            'What of it counts against budgets: never more than the allowance, whatever became of a container.',
          ),
        dollars: z.number().describe('What that costs at the price of the allowance.'),
      })
      .describe('What it took.'),
    allowance: z
      .object({
        maxSeconds: z.number().describe('Machine time of all attempts together.'),
        maxDollars: z.number(),
        dollarsPerHour: z.number().describe('Of the machine it was made for; fixed with the job.'),
      })
      .nullable()
      .describe('What it may take. Null: a job of the platform itself, which counts against no budget.'),
    progress: z
      .object({
        stage: z.string(),
        done: z.number(),
        total: z.number(),
        unit: z.string(),
        secondsLeft: z.number().optional(),
      })
      .nullable(),
    heartbeatAt: timeField.nullable(),
    report: z.record(z.string(), z.unknown()).nullable().describe('The report of the job, once it has succeeded.'),
    output: z
      .object({
        adapter: z.string().optional(),
        versionId: idField.optional(),
        version: z.int().optional(),
        base: z.string().optional(),
        files: z.int().optional(),
        versions: z
          .array(z.object({ adapter: z.string(), versionId: idField, version: z.int() }))
          .optional()
          .describe('Of several adapters, each that stands: all of them when it has succeeded.'),
      })
      .describe('What it made.'),
    stoppedBy: z
      .enum(['budget'])
      .nullable()
      .describe('`budget`: its allowance was spent before its last step; it has published what it had learnt by then.'),
    findings: z
      .array(findingField)
      .describe("Everything that was wrong, when it failed for the caller's fault; warnings otherwise."),
    forkOf: idField.optional(),
    sweep: idField
      .optional()
      .describe('Of a trial: the sweep that it is of. It is resumed with it, and published by it.'),
    trials: z
      .array(
        z.object({
          name: z.string(),
          jobId: idField,
          settings: z.record(z.string(), z.unknown()),
          state: z.enum(jobStates),
        }),
      )
      .optional()
      .describe('Of a sweep, where one job is asked for: each trial, which is a job of its own.'),
    resumable: z.boolean(),
    createdAt: timeField,
    createdBy: z.string(),
    startedAt: timeField.nullable(),
    endedAt: timeField.nullable(),
  })
  .openapi('Job');
export type Job = z.output<typeof jobSchema>;

/** What a job is expected to cost, and what it may. */
export const costSchema = z
  .object({
    seconds: z.number(),
    secondsFrom: z
      .enum(['measured', 'estimate'])
      .describe('`measured`: from the tokens a second of an earlier training on the same base by the same method.'),
    measuredBy: idField.optional().describe('The job that it was measured by.'),
    tokensPerSecond: z.number().optional(),
    dollars: z.number(),
    maxSeconds: z.number().describe('The allowance that the job has, or would have.'),
    maxDollars: z.number(),
    dollarsPerHour: z.number(),
    priceBasis: z.string().describe('What the price is of, and since when it is known.'),
    hosted: z
      .array(
        z.object({
          provider: z.string(),
          dollars: z.number(),
          dollarsPerMillionTokens: z.number(),
          asOf: z.string(),
          source: z.string(),
          cheaper: z.boolean().describe('Than the machine is expected to be.'),
        }),
      )
      .describe(
        'The same tokens at trainers that are rented by the token, for LoRA; they train only bases that they offer.',
      ),
  })
  .openapi('JobCost');

const createdJob = z
  .object({
    job: orNull(jobSchema).describe('Null with `dryRun`.'),
    estimate: estimateSchema,
    machine: orNull(machineFitSchema).describe('Null where no machines are known.'),
    cost: orNull(costSchema).describe('Null in the answer to a repeated call whose inputs have changed since.'),
    warnings: z.array(findingField),
  })
  .openapi('CreatedJob');

const dryRunQuery = z.object({
  dryRun: z
    .stringbool()
    .default(false)
    .openapi({ type: 'boolean', description: '`true`: checks and estimates, and makes nothing.' }),
});

export const createJob = operation({
  operationId: 'createJob',
  method: 'post',
  path: '/v1/jobs',
  tag: 'jobs',
  summary:
    'Starts a job, or with `dryRun` says what it would take. Everything that needs no machine is checked before.',
  scope: 'jobs:run',
  status: 201,
  creates: true,
  query: dryRunQuery,
  body: jobRequestSchema,
  output: createdJob,
  errors: [
    'no-such-base',
    'no-such-adapter',
    'no-such-version',
    'no-such-dataset',
    'not-ready',
    'withdrawn',
    'unusable',
    'packed-weights',
    'budget-exceeded',
    'too-many-jobs',
    'storage-exceeded',
    'job',
  ],
});

export const listJobs = listOperation({
  operationId: 'listJobs',
  path: '/v1/jobs',
  tag: 'jobs',
  summary: 'Jobs, newest first.',
  scope: 'jobs:read',
  filters: { state: z.enum(jobStates).optional(), kind: z.enum(jobKinds).optional() },
  item: jobSchema,
});

export const getJob = operation({
  operationId: 'getJob',
  method: 'get',
  path: '/v1/jobs/{job}',
  tag: 'jobs',
  summary: 'One job.',
  scope: 'jobs:read',
  params: jobPath,
  output: jobSchema,
});

export const cancelJob = operation({
  operationId: 'cancelJob',
  method: 'post',
  path: '/v1/jobs/{job}/cancel',
  tag: 'jobs',
  summary: 'Asks a job to end; a training run saves a checkpoint first.',
  scope: 'jobs:run',
  status: 202,
  params: jobPath,
  output: jobSchema,
  errors: ['job-ended'],
});

export const resumeJob = operation({
  operationId: 'resumeJob',
  method: 'post',
  path: '/v1/jobs/{job}/resume',
  tag: 'jobs',
  summary: 'Lets a failed or cancelled job go on, from its last checkpoint where it has one.',
  scope: 'jobs:run',
  status: 202,
  params: jobPath,
  output: jobSchema,
  errors: ['not-resumable', 'budget-spent', 'budget-exceeded', 'too-many-jobs', 'storage-exceeded'],
});

export const forkJob = operation({
  operationId: 'forkJob',
  method: 'post',
  path: '/v1/jobs/{job}/fork',
  tag: 'jobs',
  summary: 'Starts a new job like this one, with the given changes.',
  scope: 'jobs:run',
  status: 201,
  creates: true,
  params: jobPath,
  query: dryRunQuery,
  body: z.strictObject({
    changes: z
      .record(z.string(), z.unknown())
      .describe('Keys of the request and their new values; objects are merged, everything else is replaced.'),
  }),
  output: createdJob,
  errors: ['budget-exceeded', 'too-many-jobs', 'storage-exceeded', 'job'],
});

export const listMetrics = operation({
  operationId: 'listMetrics',
  method: 'get',
  path: '/v1/jobs/{job}/metrics',
  tag: 'jobs',
  summary: 'Losses, rates and evaluations of a training run after a step.',
  scope: 'jobs:read',
  params: jobPath,
  query: z.object({
    task: nameField.optional().describe('Of several that are trained at once, the adapter whose rows are wanted.'),
    afterStep: z.coerce.number().int().min(-1).default(-1),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(limits.metricRowsMax)
      .default(limits.metricRowsMax)
      .describe('Rows; what belongs to one step is not parted, so there may be one more.'),
  }),
  output: z.object({
    rows: z
      .array(z.looseObject({ step: z.int(), task: z.string().optional() }))
      .describe('As in `metrics.jsonl`; of several that are trained at once, each with its `task`.'),
    more: z.boolean().describe('Whether there is more now.'),
  }),
});

export const listSamples = operation({
  operationId: 'listSamples',
  method: 'get',
  path: '/v1/jobs/{job}/samples',
  tag: 'jobs',
  summary: 'Texts that a training run has written along its way.',
  scope: 'jobs:read',
  params: jobPath,
  output: z.object({ samples: z.array(z.object({ step: z.int(), prompt: z.string(), text: z.string() })) }),
});

export const listLogs = operation({
  operationId: 'listLogs',
  method: 'get',
  path: '/v1/jobs/{job}/logs',
  tag: 'jobs',
  summary: 'What a job has said, line by line.',
  scope: 'jobs:read',
  params: jobPath,
  query: z.object({
    after: z.coerce.number().int().min(0).default(0),
    limit: z.coerce.number().int().min(1).max(limits.metricRowsMax).default(limits.metricRowsMax),
  }),
  output: z.object({
    lines: z.array(z.object({ id: z.int(), at: timeField, text: z.string() })),
    more: z.boolean(),
  }),
});

/** Answered as `text/event-stream`: everything after `Last-Event-ID`. Each event's data is a `JobStreamEvent`. */
export const streamJobEvents = operation({
  operationId: 'streamJobEvents',
  method: 'get',
  path: '/v1/jobs/{job}/events',
  tag: 'jobs',
  summary:
    'Events of a job after `Last-Event-ID`, as an event stream that may close at any time: ask again with the last id.',
  scope: 'jobs:read',
  params: jobPath,
});

export const listJobFiles = operation({
  operationId: 'listJobFiles',
  method: 'get',
  path: '/v1/jobs/{job}/files',
  tag: 'jobs',
  summary: 'Files that an export has made, each with a link that works for a few minutes.',
  scope: 'jobs:read',
  params: jobPath,
  output: z.object({ files: z.array(downloadField) }),
});
