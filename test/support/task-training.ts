/** Several adapters that are trained at once and meant to be interrupted, on the inputs of `interrupted-training.ts`. */
import { createJob, type Job } from '../../shared/contract/jobs.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { World } from '../../shared/platform/ports.ts';
import { findVersion } from '../../shared/records/versions.ts';

/** Adapters `<prefix>-even` and `<prefix>-odd` on the datasets `sums` and `differences`, with a checkpoint every few milliseconds. */
export async function submitTasks(
  client: ApiClient,
  prefix: string,
  steps: number,
  budget?: { readonly maxSeconds: number },
): Promise<string> {
  const { job } = await client.call(createJob, {
    body: {
      kind: 'train-tasks',
      train: {
        base: 'tiny',
        method: { kind: 'lora', config: { r: 2 } },
        steps,
        batch: { rows: 6, microBatchTokens: 48, packTokens: 32 },
        optimizer: { learningRate: 0.01 },
        evaluation: { everySteps: 20 },
        checkpoint: { everySeconds: 0.05 },
      },
      tasks: [
        { output: { adapter: `${prefix}-even` }, dataset: 'sums', evalFraction: 0.1 },
        { output: { adapter: `${prefix}-odd` }, dataset: 'differences', seed: 3 },
      ],
      ...(budget ? { budget } : {}),
    },
  });
  return job?.id ?? '';
}

/** The bytes of every adapter that a job has published. */
export async function taskWeights(world: World, team: string, { output }: Job): Promise<readonly Buffer[]> {
  const weights: Buffer[] = [];
  for (const { versionId } of output.versions ?? []) {
    const version = await findVersion(world.table, team, versionId);
    const file = version?.value.files.find(({ path }) => path === 'adapter_model.safetensors');
    if (!file) throw new Error('the version has weights');
    weights.push(Buffer.from(await world.blobs.read(file.blob, 0, file.sizeBytes)));
  }
  return weights;
}
