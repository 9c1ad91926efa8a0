import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { StepOptions } from '../training/step-graph.ts';
import { stepMemory } from '../training/step-memory.ts';

/** How a training run computes, in training and while it looks at what it has. */
export function stepOptions({ threads, memory = 'fast' }: TrainSpec): StepOptions {
  return { memory: stepMemory[memory], ...(threads === undefined ? {} : { threads }) };
}
