import { availableParallelism } from 'node:os';
import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import type { Finding } from '../../shared/errors.ts';
import { createTrainStep } from '../training/step-graph.ts';
import { ownSource, type StepSource } from '../training/step-source.ts';
import { openStepWorkers } from '../training/step-workers.ts';
import type { ChosenPlan } from './choose-step-plan.ts';
import type { JobContext } from './job-context.ts';
import type { PreparedTraining } from './prepare-training.ts';
import { stepOptions } from './step-options.ts';

/** Opens what takes the steps of a run from these values on: a session here, or the workers that the spec asks for, which share its threads. */
export async function openStepSource(
  spec: SettledTrainSpec,
  { model, methodPlan, parameters }: PreparedTraining,
  stepPlan: ChosenPlan,
  values: ReadonlyMap<string, Float32Array>,
  context: Pick<JobContext, 'emit'>,
): Promise<StepSource> {
  const { workers: count = 1, threads = availableParallelism() } = spec;
  if (count === 1) return ownSource(await createTrainStep(model, stepOptions(spec, stepPlan)), values);
  const options = stepOptions({ ...spec, threads: Math.max(1, Math.floor(threads / count)) }, stepPlan);
  const order = { base: model.base.path, method: methodPlan, options };
  const source = await openStepWorkers(order, { count, values, parameters });
  let isFirst = true;
  return {
    ...source,
    accumulate(batches, seedOf, gradientScale) {
      if (isFirst && batches.length < count)
        context.emit({ type: 'finding', finding: idleWorkers(count, batches.length) });
      isFirst = false;
      return source.accumulate(batches, seedOf, gradientScale);
    },
  };
}

const idleWorkers = (workers: number, batches: number): Finding => ({
  severity: 'warning',
  code: 'idle-workers',
  where: 'workers',
  message: `is ${workers}, but a step has ${batches === 1 ? 'one micro-batch' : `${batches} micro-batches`}: the others have nothing to do. Lower batch.microBatchTokens or take more rows a step`,
});
