import { invariant } from '../../shared/errors.ts';
import { noTask } from '../methods/shared-lora.ts';
import { addTo } from './accumulate.ts';
import type { Batch } from './batches.ts';
import type { StepResult, TrainStep } from './step-graph.ts';

/** A batch whose tokens know their task: `owners` holds the index of each row's. */
export function ofTasks(batch: Batch, owners: ArrayLike<number>): Batch {
  const tasks = new BigInt64Array(batch.inputIds.length).fill(BigInt(noTask));
  for (const { row, batchRow, start, length } of batch.sources) {
    const from = batchRow * batch.length + start;
    tasks.fill(BigInt((owners[row] as number) + 1), from, from + length);
  }
  return { ...batch, tasks };
}

/** Sums over some batches, by task, and of gradients: those of a task's own parameters have terms of its own labels only. */
export interface TaskSums {
  readonly losses: readonly number[];
  readonly labels: readonly number[];
  readonly tokens: readonly number[];
  readonly gradients: StepResult['gradients'];
}

/** Goes through batches of tokens that know their task. Nothing is divided yet: each task has a number of labels of its own. */
export async function accumulateTasks(
  step: Pick<TrainStep, 'run'>,
  parameters: ReadonlyMap<string, Float32Array>,
  batches: readonly Batch[],
  taskCount: number,
): Promise<TaskSums> {
  const zeros = (): number[] => Array.from({ length: taskCount }, () => 0);
  const [losses, labels, tokens] = [zeros(), zeros(), zeros()];
  let gradients: StepResult['gradients'] | undefined;
  for (const batch of batches) {
    const result = await step.run(parameters, batch, { lossScale: 1 });
    invariant(result.losses && batch.tasks, 'tokens of tasks have losses');
    for (const [i, fed] of batch.tasks.entries()) {
      if (fed === BigInt(noTask)) continue;
      const task = Number(fed) - 1;
      add(tokens, task, 1);
      if (batch.labels[i] === -100n) continue;
      add(labels, task, 1);
      add(losses, task, result.losses[i] as number);
    }
    if (gradients) addTo(gradients, result.gradients);
    else gradients = result.gradients;
  }
  invariant(gradients, 'there is at least one batch');
  return { losses, labels, tokens, gradients };
}

function add(sums: number[], at: number, value: number): void {
  sums[at] = (sums[at] as number) + value;
}
