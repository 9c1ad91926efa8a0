import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announced, hashFiles } from '../../cli/transfers/local-files.ts';
import { sendUpload } from '../../cli/transfers/send-upload.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createDataset, getDataset, type Dataset } from '../../shared/contract/datasets.ts';
import { createJob } from '../../shared/contract/jobs.ts';
import { storeTrainingInputs } from '../support/interrupted-training.ts';
import { openAwsPlatform, type AwsPlatform, type AwsPlatformOptions } from './aws-platform.ts';
import { startFaultyProxy, type FaultyProxy } from './faulty-proxy.ts';
import { readEndpoints, theTable } from './targets.ts';

export interface FaultWorld {
  readonly platform: AwsPlatform;
  readonly client: ApiClient;
  /** In front of the table, of the blobs and of Batch, for platform and containers alike. */
  readonly table: FaultyProxy;
  readonly blobs: FaultyProxy;
  readonly batch: FaultyProxy;
  readonly folder: string;
  readonly close: () => Promise<void>;
}

/** The platform on emulators, each behind a line that can be told to fail, with the base `tiny` and the dataset `sums`. */
export async function openFaultWorld(options: Omit<AwsPlatformOptions, 'before'> = {}): Promise<FaultWorld> {
  const endpoints = readEndpoints();
  const table = await startFaultyProxy(theTable(endpoints).dynamo);
  const blobs = await startFaultyProxy(endpoints.blobs['versitygw'] ?? endpoints.blobs['given'] ?? '');
  const events = Object.values(endpoints.events)[0] ?? '';
  let batch: FaultyProxy | undefined;
  const before = async (url: string): Promise<string> => (batch = await startFaultyProxy(url)).url;
  const platform = await openAwsPlatform({ dynamo: table.url, s3: blobs.url, events }, { ...options, before });
  const folder = await mkdtemp(join(tmpdir(), 'lorary-faults-'));
  await storeTrainingInputs(platform.world, platform.caller(), join(folder, 'tiny'));
  if (!batch) throw new Error('the platform has its Batch');
  const proxies = [table, blobs, batch];
  return {
    platform,
    client: await platform.client(),
    table,
    blobs,
    batch,
    folder,
    async close() {
      for (const proxy of proxies) proxy.plan = () => undefined;
      await platform.close();
      for (const proxy of proxies) await proxy.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Id of a training job that keeps a checkpoint several times. The same steps give the same weights, whatever the adapter is called. */
export async function submitFaultTraining(
  client: ApiClient,
  adapter: string,
  { steps = faultSteps, dataset = 'sums' } = {},
): Promise<string> {
  const { job } = await client.call(createJob, {
    body: {
      kind: 'train',
      base: 'tiny',
      dataset,
      output: { adapter },
      method: { kind: 'lora', config: { r: 2 } },
      steps,
      batch: { rows: 6, microBatchTokens: 48, packTokens: 32 },
      optimizer: { learningRate: 0.01 },
      checkpoint: { everySeconds: 0.1 },
    },
  });
  return job?.id ?? '';
}

export const faultSteps = 240;

/** Sends rows as a new dataset, as the command line does, and has it checked. */
export async function sendDataset(
  { platform, client, folder }: Pick<FaultWorld, 'platform' | 'client' | 'folder'>,
  name: string,
  rows: readonly object[],
): Promise<Dataset> {
  const localPath = join(folder, `${name}.jsonl`);
  await writeFile(localPath, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const [file] = await hashFiles([{ path: 'data.jsonl', localPath }], { show() {} }, () => 0);
  if (!file) throw new Error('one file was given');
  const { upload } = await client.call(createDataset, { body: { name, file: announced(file) } });
  await sendUpload(client, upload, [file], { wait: async () => undefined });
  await platform.settle();
  return client.call(getDataset, { params: { dataset: name } });
}
