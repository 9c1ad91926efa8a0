import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { chooseCompute } from '../runtime/choose-compute.ts';
import { deviceOf } from '../runtime/device.ts';
import type { StepOptions } from '../training/step-graph.ts';
import type { StepPlan } from '../../shared/domain/plan-step.ts';

/** How what is no training computes: in the type that suits the device. */
export async function inferenceOptions(spec: {
  readonly threads?: number | undefined;
  readonly device?: string | undefined;
}): Promise<StepOptions> {
  const device = deviceOf(spec.device);
  const compute = await chooseCompute('auto', device);
  return { device, compute, ...(spec.threads === undefined ? {} : { threads: spec.threads }) };
}

/** How a training run computes, in training and while it looks at what it has. */
export function stepOptions({ threads, device }: TrainSpec, { memory, compute = 'float32' }: StepPlan): StepOptions {
  return { memory, compute, device: deviceOf(device), ...(threads === undefined ? {} : { threads }) };
}
