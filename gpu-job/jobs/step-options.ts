import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { StepOptions } from '../training/step-graph.ts';
import type { StepPlan } from '../../shared/domain/plan-step.ts';

/** How a training run computes, in training and while it looks at what it has. */
export function stepOptions({ threads }: TrainSpec, { memory }: StepPlan): StepOptions {
  return { memory, ...(threads === undefined ? {} : { threads }) };
}
