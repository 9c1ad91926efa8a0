/** The host's part of a step: norm, AdamW and the sum over micro-batches, against what the machine copies in the same process. */
import { loraA, loraB } from '../gpu-job/methods/lora-variant.ts';
import type { Parameter } from '../gpu-job/methods/method.ts';
import { describeModel } from '../gpu-job/methods/tuned-model.ts';
import { addTo } from '../gpu-job/training/accumulate.ts';
import { clipScale, createAdamW, globalNorm } from '../gpu-job/training/optimizers.ts';
import { smolLm135Config, uniform } from '../test/support/random-base.ts';
import { caseShape } from './train-case.ts';

/** Value, gradient and two moments are read; value and moments are written. */
const bytesOfUpdate = 7 * 4;

export function benchOptimizer(): Promise<Record<string, unknown>> {
  const { tensors, linears } = describeModel(smolLm135Config);
  const { rank } = caseShape;
  const lora = linears.flatMap(({ module, inFeatures, outFeatures }) => [
    { name: loraA(module), shape: [rank, inFeatures] },
    { name: loraB(module), shape: [outFeatures, rank] },
  ]);
  return Promise.resolve({
    bench: 'optimizer',
    shape: `SmolLM2-135M: LoRA r=${rank} on all linear layers, and every weight`,
    ...figuresOf('lora', lora, 20),
    ...figuresOf('full', tensors, 4),
  });
}

function figuresOf(name: string, parameters: readonly Parameter[], times: number): Record<string, number> {
  const random = uniform(1);
  const filled = (): Map<string, Float32Array> =>
    new Map(
      parameters.map(({ name: parameter, shape }) => [
        parameter,
        Float32Array.from({ length: shape.reduce((product, dim) => product * dim, 1) }, () => random() - 0.5),
      ]),
    );
  const [values, gradients, sums] = [filled(), filled(), filled()];
  const adam = createAdamW(parameters, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 });
  const count = [...values.values()].reduce((sum, { length }) => sum + length, 0);
  const best = (work: () => void): number => {
    let least = Infinity;
    for (let i = 0; i < times; i++) {
      const started = performance.now();
      work();
      least = Math.min(least, performance.now() - started);
    }
    return least;
  };
  const copy = best(() => {
    for (const [parameter, sum] of sums) sum.set(gradients.get(parameter) ?? []);
  });
  const norm = best(() => globalNorm(gradients));
  const update = best(() => adam.update(values, gradients, 1e-4, clipScale(1, 1)));
  const added = best(() => addTo(sums, gradients));
  const copyRate = (8 * count) / copy; // read and written
  return {
    [`${name} values`]: count,
    [`${name} normMilliseconds`]: norm,
    [`${name} updateMilliseconds`]: update,
    [`${name} sumMilliseconds`]: added,
    [`${name} copyGigabytesPerSecond`]: copyRate / 1e6,
    [`${name} updateOverCopy`]: update / ((bytesOfUpdate * count) / copyRate),
  };
}
