import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { JobDetail, ListJobsCommandInput, SubmitJobCommandInput } from '@aws-sdk/client-batch';
import { BatchJob } from './batch-job.ts';

/** What `RegisterJobDefinition` would have been told. */
export interface TestJobDefinition {
  /** Instead of the image's entry point. */
  readonly entrypoint: readonly string[];
  /** `Ref::name` stands for a parameter. */
  readonly command: readonly string[];
  /** `{job}` stands for the id of the job of Batch: containers share no disk. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface BatchEndpointOptions {
  readonly definitions: Readonly<Record<string, TestJobDefinition>>;
  /** Names of the queues and how many jobs each runs at once. */
  readonly queues: Readonly<Record<string, number>>;
  /** One that is free when absent. */
  readonly port?: number;
  /** Where the output of each job goes. */
  readonly folder: string;
  /** Between SIGTERM and SIGKILL. */
  readonly graceSeconds: number;
  /** Told of each change of a job's status, as EventBridge is. */
  readonly onChange?: (detail: JobDetail) => void;
}

export interface BatchEndpoint {
  readonly url: string;
  readonly jobs: readonly BatchJob[];
  logPath(job: BatchJob): string;
  /** Kills what runs. */
  close(): Promise<void>;
}

/**
 * AWS Batch for tests: its REST-JSON protocol on this machine, with processes instead of containers. Knows the calls that the product makes,
 * and refuses the others.
 */
export async function startBatchEndpoint(options: BatchEndpointOptions): Promise<BatchEndpoint> {
  const jobs: BatchJob[] = [];
  const logPath = (job: BatchJob): string => join(options.folder, `${job.detail.jobId}.log`);
  let closed = false;

  const startWaiting = (): void => {
    for (const [queue, slots] of Object.entries(options.queues)) {
      const mine = jobs.filter((job) => job.detail.jobQueue === queue);
      const running = mine.filter((job) => job.detail.status === 'RUNNING').length;
      const waiting = mine.filter((job) => job.detail.status === 'RUNNABLE');
      for (const job of closed ? [] : waiting.slice(0, Math.max(0, slots - running))) job.start();
    }
  };

  const submit = (input: SubmitJobCommandInput): object => {
    const { jobName = '', jobQueue = '', jobDefinition = '', parameters = {} } = input;
    const definition = options.definitions[jobDefinition];
    if (!definition) throw new ClientError(`JobDefinition ${jobDefinition} not found`);
    if (!Object.hasOwn(options.queues, jobQueue)) throw new ClientError(`JobQueue ${jobQueue} not found`);
    if (!/^[A-Za-z0-9][\w-]{0,127}$/.test(jobName)) throw new ClientError('jobName is malformed');
    if (!/^[A-Za-z0-9]{0,255}$/.test(input.shareIdentifier ?? ''))
      throw new ClientError('shareIdentifier is malformed');
    const jobId = randomUUID();
    const command = definition.command.map((part) => {
      const name = /^Ref::(.+)$/.exec(part)?.[1];
      return name === undefined ? part : (parameters[name] ?? part);
    });
    const environment = Object.fromEntries(
      Object.entries(definition.environment ?? {}).map(([name, value]) => [name, value.replace('{job}', jobId)]),
    );
    const detail = { jobId, jobName, jobQueue, jobDefinition, status: 'RUNNABLE' as const, parameters, container: {} };
    const job: BatchJob = new BatchJob({
      detail: { ...detail, createdAt: Date.now() } as unknown as BatchJob['detail'], // times are numbers on the wire
      command: [...definition.entrypoint, ...command],
      environment: { ...environment, AWS_BATCH_JOB_ID: jobId, AWS_BATCH_JOB_ATTEMPT: '1', AWS_BATCH_JQ_NAME: jobQueue },
      log: join(options.folder, `${jobId}.log`),
      graceSeconds: options.graceSeconds,
      onChange() {
        options.onChange?.(job.detail);
        if (job.isOver) startWaiting();
      },
    });
    jobs.push(job);
    setImmediate(startWaiting);
    return { jobId, jobName };
  };

  const operations: Readonly<Record<string, (input: never) => object>> = {
    submitjob: submit,
    describejobs: ({ jobs: ids }: { readonly jobs: readonly string[] }) => {
      if (ids.length > 100) throw new ClientError('at most 100 jobs are described');
      return { jobs: jobs.filter(({ detail }) => ids.includes(detail.jobId)).map(({ detail }) => detail) };
    },
    listjobs: ({ jobQueue, jobStatus = 'RUNNING', filters }: ListJobsCommandInput) => {
      const [filter] = filters ?? [];
      const found = jobs.filter(
        ({ detail }) =>
          detail.jobQueue === jobQueue &&
          (filter
            ? filter.name === 'JOB_NAME' && filter.values?.includes(detail.jobName)
            : detail.status === jobStatus),
      );
      return { jobSummaryList: found.map(({ detail }) => ({ jobId: detail.jobId, jobName: detail.jobName })) };
    },
    terminatejob: ({ jobId, reason }: { readonly jobId: string; readonly reason: string }) => {
      const job = jobs.find(({ detail }) => detail.jobId === jobId);
      if (!job) throw new ClientError(`Job ${jobId} not found`);
      job.terminate(reason);
      return {};
    },
  };

  const server = createServer((request, response) => void answer(request, response, operations));
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    jobs,
    logPath,
    async close() {
      closed = true;
      for (const job of jobs) if (!job.isOver) job.reclaim();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What Batch answers to a request that is wrong. */
class ClientError extends Error {
  override readonly name = 'ClientException';
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  operations: Readonly<Record<string, (input: never) => object>>,
): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
  try {
    const operation = operations[/^\/v1\/([a-z]+)$/.exec(request.url ?? '')?.[1] ?? ''];
    if (!operation) throw new ClientError(`no operation at ${request.url}`);
    const output = operation(JSON.parse(body === '' ? '{}' : body) as never); // as the SDK has serialised it
    response.writeHead(200, headers).end(JSON.stringify(output));
  } catch (error) {
    const [status, name] = error instanceof ClientError ? [400, error.name] : [500, 'ServerException'];
    const message = error instanceof Error ? error.message : String(error);
    response.writeHead(status, { ...headers, 'x-amzn-errortype': name }).end(JSON.stringify({ message }));
  }
}
