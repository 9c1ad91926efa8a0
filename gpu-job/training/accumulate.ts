import { invariant } from '../../shared/errors.ts';
import type { Batch } from './batches.ts';
import type { StepResult, TrainStep } from './step-graph.ts';

/**
 * Loss and gradients of several micro-batches as if they were one batch: each is weighted by 1 / labels of all of them, so the
 * result is the mean over labels, not a mean of means. `seedOf` gives the dropout seed of each micro-batch; gradients come multiplied by
 * `gradientScale`.
 */
export async function accumulate(
  step: Pick<TrainStep, 'run'>,
  parameters: ReadonlyMap<string, Float32Array>,
  batches: readonly Batch[],
  seedOf: (microBatch: number) => number,
  gradientScale = 1,
): Promise<{ readonly loss: number; readonly labels: number; readonly gradients: StepResult['gradients'] }> {
  const labels = batches.reduce((sum, batch) => sum + batch.labelCount, 0);
  invariant(labels > 0, 'a step has labels');
  let lossSum = 0;
  let gradients: StepResult['gradients'] | undefined;
  for (const [i, batch] of batches.entries()) {
    const result = await step.run(parameters, batch, { lossScale: gradientScale / labels, seed: seedOf(i) });
    lossSum += result.lossSum;
    if (gradients) addTo(gradients, result.gradients);
    else gradients = result.gradients;
  }
  invariant(gradients, 'there is at least one micro-batch');
  return { loss: lossSum / labels, labels, gradients };
}

/** Adds gradients to the sums of those before them. */
export function addTo(sums: StepResult['gradients'], added: StepResult['gradients']): void {
  for (const [name, sum] of sums) {
    const values = added.get(name);
    invariant(values, `every micro-batch has a gradient for ${name}`);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
  }
}
