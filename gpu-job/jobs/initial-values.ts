import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { readTensorFloat32 } from '../folders/base-model.ts';
import { initialLora } from '../methods/initial-lora.ts';
import { requireMethod } from '../methods/tuned-model.ts';
import type { JobContext } from './job-context.ts';
import { startValues } from './open-start.ts';
import type { PreparedTraining } from './prepare-training.ts';

/** What a run is fed before its first step: of LoRA by the seed, of what it goes on from, or of the base. */
export async function initialValues(
  { seed }: SettledTrainSpec,
  { config, model, targets, saved, parameters, start }: PreparedTraining,
  context: JobContext,
): Promise<ReadonlyMap<string, Float32Array>> {
  const { base } = model;
  if (start) return startValues(start, requireMethod(model));
  if (config)
    return initialLora({ base, model, saved, config, targets, seed }, (done) => {
      context.emit({ type: 'progress', stage: 'initialise', done, total: targets.length, unit: 'modules' });
      if (context.stopRequested()) throw new UnavailableError('Stopped before the first step.');
    });
  const values = new Map<string, Float32Array>();
  for (const { name } of parameters) values.set(name, await readTensorFloat32(base, name));
  return values;
}
