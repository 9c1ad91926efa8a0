import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { cudaSettings } from '../runtime/cuda-settings.ts';
import { deviceOf } from '../runtime/device.ts';
import { openOrtApi } from '../runtime/ort-api.ts';
import { loraPlusFactors } from '../training/lora-plus.ts';
import { createAdamW, type AdamW, type AdamWOptions } from '../training/optimizers.ts';
import { openResidentTrainer } from '../training/resident-trainer.ts';
import { hostTrainer, type Trainer } from '../training/trainer.ts';
import type { ChosenPlan } from './choose-step-plan.ts';
import type { JobContext } from './job-context.ts';
import { openStepSource } from './open-step-source.ts';
import type { PreparedTraining } from './prepare-training.ts';
import { stepOptions } from './step-options.ts';

/** Where a run begins or goes on. */
export interface TrainerStart {
  /** Of parameters and constants; a trainer on the host changes them in place. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** Of the optimizer; absent: it begins anew. */
  readonly begun: { readonly updates: number; readonly moments: AdamW['moments'] } | undefined;
}

/** Opens what takes the steps of a run, and keeps what is trained where the spec says. Throws `UnavailableError` where that cannot be done here. */
export async function openTrainer(
  spec: SettledTrainSpec,
  run: PreparedTraining,
  stepPlan: ChosenPlan,
  start: TrainerStart,
  context: Pick<JobContext, 'emit'>,
): Promise<Trainer> {
  const rateFactors = loraPlusFactors(spec.optimizer, run.schedule.learningRate);
  const options: AdamWOptions = { ...spec.optimizer, rateFactors };
  if (spec.state === 'device') return openOnDevice(spec, run, stepPlan, start, options);
  const optimizer = createAdamW(run.parameters, options);
  if (start.begun) optimizer.restore(start.begun.updates, start.begun.moments);
  return hostTrainer(await openStepSource(spec, run, stepPlan, start.values, context), optimizer);
}

function openOnDevice(
  spec: SettledTrainSpec,
  { model }: PreparedTraining,
  stepPlan: ChosenPlan,
  { values, begun }: TrainerStart,
  optimizer: AdamWOptions,
): Trainer {
  const api = openOrtApi();
  try {
    const step = stepOptions(spec, stepPlan);
    const { deterministic } = spec;
    const on = deviceOf(spec.device);
    const device =
      on === 'cpu'
        ? ({ kind: on } as const)
        : ({ kind: 'cuda', index: on.cuda, settings: cudaSettings(spec, step.compute) } as const);
    const trainer = openResidentTrainer(api, model, { step, device, deterministic, optimizer, values, begun });
    return {
      accumulate: (...given) => Promise.resolve(trainer.accumulate(...given)),
      update: (learningRate, factor) => trainer.update(learningRate, factor),
      values: () => trainer.values(),
      moments: () => trainer.moments(),
      close() {
        trainer.close();
        api.close();
        return Promise.resolve();
      },
    };
  } catch (error) {
    api.close();
    throw error;
  }
}
