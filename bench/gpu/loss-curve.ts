/** The losses of some steps on a device, beside those of the same steps with everything on the CPU. */
import { requireMethod } from '../../gpu-job/methods/tuned-model.ts';
import type { Compute } from '../../shared/methods/compute.ts';
import type { BoundDevice } from '../../gpu-job/runtime/bound-session.ts';
import type { OrtApi } from '../../gpu-job/runtime/ort-api.ts';
import { accumulate } from '../../gpu-job/training/accumulate.ts';
import { clipScale, createAdamW, globalNorm } from '../../gpu-job/training/optimizers.ts';
import { createTrainStep } from '../../gpu-job/training/step-graph.ts';
import { openTrainer, optimizer, type GpuCase } from './gpu-case.ts';

const learningRate = 1e-3;
const seedOf = (i: number): number => i;

export async function lossesOnCpu(gpuCase: GpuCase, steps: number): Promise<readonly number[]> {
  const step = await createTrainStep(gpuCase.model);
  const values = new Map([...gpuCase.values].map(([name, given]) => [name, given.slice()]));
  const adamw = createAdamW(requireMethod(gpuCase.model).parameters, optimizer);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { loss, gradients } = await accumulate(step, values, [gpuCase.batch], seedOf);
    adamw.update(values, gradients, learningRate, clipScale(globalNorm(gradients), 1));
    losses.push(loss);
  }
  await step.close();
  return losses;
}

export function lossesOnDevice(
  api: OrtApi,
  device: BoundDevice,
  compute: Compute,
  gpuCase: GpuCase,
  steps: number,
): readonly number[] {
  const trainer = openTrainer(api, device, gpuCase, { compute });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { loss, gradientNorm } = trainer.accumulate([gpuCase.batch], seedOf);
    trainer.update(learningRate, clipScale(gradientNorm, 1));
    losses.push(loss);
  }
  trainer.close();
  return losses;
}

/** Largest relative difference of two curves. */
export const curveDifference = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((loss, i) => Math.abs(loss / (b[i] ?? NaN) - 1)));
