/** A model of a shape on disk, with LoRA r=16 on all linear layers, and a batch for it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { requireMethod, tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import type { BoundDevice } from '../../gpu-job/runtime/bound-session.ts';
import type { OrtApi } from '../../gpu-job/runtime/ort-api.ts';
import { makeBatches, type Batch } from '../../gpu-job/training/batches.ts';
import { initialLoraParameters } from '../../gpu-job/training/initial-parameters.ts';
import type { AdamWOptions } from '../../gpu-job/training/optimizers.ts';
import { openResidentTrainer, type ResidentTrainer } from '../../gpu-job/training/resident-trainer.ts';
import type { StepOptions } from '../../gpu-job/training/step-graph.ts';
import { invariant } from '../../shared/errors.ts';
import { uniform, writeRandomBase } from '../../test/support/random-base.ts';
import type { StepSize } from './gpu-shapes.ts';

export const rank = 16;
export const optimizer: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

export interface GpuCase {
  readonly model: TunedModel;
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly batch: Batch;
}

/** The base is written to `folder` where it is not there yet: 16 GB in bfloat16 for 8 billion parameters, which takes minutes. */
export async function openCase(
  folder: string,
  config: Readonly<Record<string, unknown>> & { readonly vocab_size: number },
  { rows, length }: StepSize,
): Promise<GpuCase> {
  if (!existsSync(join(folder, 'config.json'))) await writeRandomBase(folder, config, { dtype: 'BF16' });
  const model = tunedModel(await openBaseModel(folder), (known) =>
    loraMethod(
      known,
      known.linears.map(({ module }) => ({ module, r: rank, scaling: 2 })),
    ),
  );
  const random = uniform(1);
  const data = Array.from({ length: rows }, () => ({
    // the last is only a label
    tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(random() * config.vocab_size)),
    trained: new Uint8Array(length + 1).fill(1),
  }));
  const shape = { microBatchTokens: rows * length, packing: false, packTokens: 1, lengthMax: length };
  const [batch, ...others] = makeBatches(data, [...data.keys()], shape);
  invariant(batch && others.length === 0, 'the rows make one batch');
  return { model, values: initialLoraParameters(requireMethod(model).parameters, 1), batch };
}

export function openTrainer(
  api: OrtApi,
  device: BoundDevice,
  { model, values }: GpuCase,
  step: StepOptions,
): ResidentTrainer {
  return openResidentTrainer(api, model, { step, device, optimizer, values });
}
