/** Training that is meant to be interrupted, on the base `tiny` and the dataset `sums` of a platform. */
import { createJob, type Job } from '../../shared/contract/jobs.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { Caller } from '../../shared/records/caller.ts';
import type { World } from '../../shared/platform/ports.ts';
import { findVersion } from '../../shared/records/versions.ts';
import { storeBase, storeDataset } from './stored-things.ts';
import { writeTinyBase } from './tiny-base.ts';

/** Makes the base, in this folder, and the dataset. */
export async function storeTrainingInputs(world: World, caller: Caller, folder: string): Promise<void> {
  await writeTinyBase(folder);
  await storeBase(world, caller, 'tiny', folder);
  const rows = Array.from({ length: 40 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await storeDataset(world, caller, 'sums', rows);
}

/** Id of a job that keeps a checkpoint every few milliseconds, so that a death often hits one that is being kept. */
export async function submitTraining(
  client: ApiClient,
  adapter: string,
  steps: number,
  given: {
    readonly budget?: { readonly maxSeconds: number };
    readonly evaluateEvery?: number;
    readonly saveEverySeconds?: number;
  } = {},
): Promise<string> {
  const { job } = await client.call(createJob, {
    body: {
      kind: 'train',
      base: 'tiny',
      dataset: 'sums',
      evalFraction: 0.1,
      output: { adapter },
      method: { kind: 'lora', config: { r: 2, lora_dropout: 0.1 } },
      steps,
      batch: { rows: 6, microBatchTokens: 48, packTokens: 32 },
      optimizer: { learningRate: 0.01 },
      evaluation: { everySteps: given.evaluateEvery ?? 20 },
      checkpoint: { everySeconds: given.saveEverySeconds ?? 0.05 },
      ...(given.budget ? { budget: given.budget } : {}),
    },
  });
  return job?.id ?? '';
}

/** The bytes that a finished training published. */
export async function weightsOf(world: World, team: string, job: Job): Promise<Buffer> {
  const version = await findVersion(world.table, team, job.output.versionId ?? '');
  const file = version?.value.files.find(({ path }) => path === 'adapter_model.safetensors');
  if (!file) throw new Error('the version has weights');
  return Buffer.from(await world.blobs.read(file.blob, 0, file.sizeBytes));
}
