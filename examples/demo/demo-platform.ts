import { join } from 'node:path';
import { addBase, importedBase } from '../../cli/server/add-base.ts';
import { followJob } from '../../cli/server/event-stream.ts';
import { asFindings } from '../../cli/server/as-findings.ts';
import { pushDataset } from '../../cli/server/push-dataset.ts';
import { receiveFiles, type RemoteFile } from '../../cli/transfers/receive-files.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listBaseFiles } from '../../shared/contract/bases.ts';
import { createComposition } from '../../shared/contract/compositions.ts';
import { generateText } from '../../shared/contract/generate.ts';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { JobRequest } from '../../shared/contract/job-requests.ts';
import { cancelJob, createJob, getJob, type Job } from '../../shared/contract/jobs.ts';
import type { EvaluateReport, GenerateReport, TrainReport } from '../../shared/contract/reports.ts';
import type { Prompt } from '../../shared/contract/specs/spec-fields.ts';
import { listVersionFiles } from '../../shared/contract/versions.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import type { DemoServer } from './demo-server.ts';

/** What a job is asked for, its defaults left out. */
export type RequestOf<K extends JobRequest['kind']> = Readonly<Record<string, unknown>> & { readonly kind: K };

/** A base, or an adapter around its base. */
export type ModelName = { readonly base: string } | { readonly adapter: string; readonly version: string };

export interface DemoView {
  stage(text: string): void;
  note(text: string): void;
  show(event: JobEvent): void;
}

/** The platform as the demo works with it, met through its HTTP API. */
export interface DemoPlatform {
  /** Name of the base that was made from a folder. */
  addBase(name: string, folder: string): Promise<string>;
  /** Name of the dataset with the rows of a file. */
  addDataset(name: string, path: string): Promise<string>;
  /** Trains a new version of an adapter. */
  train(
    adapter: string,
    request: RequestOf<'train'>,
    onEvent: (event: JobEvent) => void,
  ): Promise<{ readonly report: TrainReport; readonly version: string }>;
  /** Composes adapters, each at a version and with weight 1, into a version of a new one. */
  compose(
    adapter: string,
    members: readonly { readonly adapter: string; readonly version: string }[],
  ): Promise<{ readonly version: string }>;
  /** Merges a version into its base, in f32; the result is a base of that name. */
  merge(base: string, member: { readonly adapter: string; readonly version: string }): Promise<void>;
  evaluate(request: RequestOf<'evaluate'>): Promise<EvaluateReport>;
  generate(model: ModelName, prompts: readonly Prompt[], maxNewTokens: number): Promise<string[]>;
  /** Fetches the files of an adapter's version or of a base into a new folder, each verified by its SHA-256. */
  download(model: ModelName, folder: string): Promise<void>;
}

export function demoPlatform(
  { api }: DemoServer,
  { stop, view }: { readonly stop: AbortSignal; readonly view: DemoView },
): DemoPlatform {
  const io = silentIo((text) => view.note(text));
  const run = (request: RequestOf<JobRequest['kind']>, onEvent?: (event: JobEvent) => void): Promise<Job> =>
    runJob(api, request, stop, (event) => {
      view.show(event);
      onEvent?.(event);
    });
  return {
    async addBase(name, model) {
      await addBase(api, { name, model, json: true }, io);
      return (await importedBase(api, name)).name;
    },
    async addDataset(name, path) {
      return (await pushDataset(api, path, { name, json: true }, io)).dataset.name;
    },
    async train(adapter, request, onEvent) {
      const { report, output } = await run({ ...request, output: { adapter } }, onEvent);
      return { report: report as unknown as TrainReport, version: String(output.version) }; // the report of a train job
    },
    async compose(adapter, members) {
      await api.call(createComposition, {
        body: { name: adapter, type: 'cat', members: members.map((member) => ({ ...member })) },
      });
      const { output } = await run({ kind: 'compose', composition: adapter, output: { adapter } });
      return { version: String(output.version) };
    },
    async merge(base, member) {
      await run({ kind: 'merge', ...member, dtype: 'f32', output: { base } });
    },
    async evaluate(request) {
      return (await run(request)).report as unknown as EvaluateReport; // the report of an evaluate job
    },
    async generate(model, prompts, maxNewTokens) {
      const body = { ...model, prompts: [...prompts], maxNewTokens };
      try {
        return textsOf(await api.call(generateText, { body }));
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'not-available-here')) throw error;
        const { report } = await run({ kind: 'generate', ...body });
        return textsOf(report as unknown as GenerateReport); // the report of a generate job
      }
    },
    async download(model, target) {
      const ask = (): Promise<readonly RemoteFile[]> => filesOf(api, model);
      await receiveFiles(target, await ask(), { renew: ask });
    },
  };
}

/** Runs a job to its end. Throws what ended it; cancels it when `stop` comes. */
async function runJob(
  api: ApiClient,
  request: RequestOf<JobRequest['kind']>,
  stop: AbortSignal,
  onEvent: (event: JobEvent) => void,
): Promise<Job> {
  // the server checks it by the same schema
  const created = await api.call(createJob, { query: {}, body: request as unknown as JobRequest });
  const id = created.job?.id ?? '';
  for await (const { event } of followJob(api, id, { stop })) {
    if (event.type !== 'state' && event.type !== 'log' && event.type !== 'text') onEvent(event);
  }
  if (stop.aborted) {
    await api.call(cancelJob, { params: { job: id } });
    throw new UnavailableError(`Stopped; the job ${id} was cancelled.`);
  }
  const job = await api.call(getJob, { params: { job: id } });
  if (job.state === 'succeeded') return job;
  const findings = asFindings(job.findings);
  const code = findings.find(({ severity }) => severity === 'error')?.code ?? 'job-failed';
  throw new DomainError(code, `The ${job.kind} job ${id} ended as ${job.state}: ${job.reason}`, { findings });
}

const textsOf = ({ texts }: Pick<GenerateReport, 'texts'>): string[] => texts.map(({ text }) => text);

async function filesOf(api: ApiClient, model: ModelName): Promise<readonly RemoteFile[]> {
  const { files } =
    'base' in model
      ? await api.call(listBaseFiles, { params: { base: model.base } })
      : await api.call(listVersionFiles, { params: { adapter: model.adapter, version: model.version } });
  return files;
}

/** Where what is sent is not shown: the files of the demo are small. */
const silentIo = (note: (text: string) => void): Parameters<typeof pushDataset>[3] => ({
  print: note,
  note,
  screen: { write() {}, isTerminal: false, columns: 80, now: () => performance.now() },
  environment: {},
});

/** Where the demo keeps what it fetches. */
export const downloadFolders = (output: string) =>
  ({
    adapter1: join(output, 'adapter-1'),
    adapter2: join(output, 'adapter-2'),
    composite: join(output, 'composite'),
    merged: join(output, 'merged'),
  }) as const;
