/** `estimate-step.ts CASE`: takes some steps of one case in this process, and prints what they took as one line of JSON. */
import { openBaseModel } from '../gpu-job/folders/base-model.ts';
import { loraMethod } from '../gpu-job/methods/lora.ts';
import { requireMethod, tunedModel } from '../gpu-job/methods/tuned-model.ts';
import { measureMachineRate } from '../gpu-job/runtime/machine-rate.ts';
import { initialLoraParameters } from '../gpu-job/training/initial-parameters.ts';
import { makeBatches } from '../gpu-job/training/batches.ts';
import { clipScale, createAdamW, globalNorm } from '../gpu-job/training/optimizers.ts';
import { createTrainStep } from '../gpu-job/training/step-graph.ts';
import { stepMemory } from '../shared/domain/step-memory.ts';
import { uniform } from '../test/support/random-base.ts';
import { benchBase } from './bench-base.ts';
import { estimateCases } from './estimate-cases.ts';

const name = process.argv[2] ?? '';
const found = estimateCases.find((one) => one.name === name);
if (!found) throw new Error(`there is no case ${name}`);
const { config, shape, dtype, rank, rows, length, memory } = found;
const model = tunedModel(await openBaseModel(await benchBase(shape, dtype)), (tunable) =>
  loraMethod(
    tunable,
    tunable.linears.map(({ module }) => ({ module, r: rank, scaling: 2 })),
  ),
);
const { parameters } = requireMethod(model);
const values = initialLoraParameters(parameters, 1);
const random = uniform(1);
const data = Array.from({ length: rows }, () => ({
  // one token more than go through the model: the last is only a label
  tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(random() * config.vocab_size)),
  trained: new Uint8Array(length + 1).fill(1),
}));
const [batch] = makeBatches(data, [...data.keys()], {
  microBatchTokens: rows * length,
  packing: true,
  packTokens: length,
  lengthMax: length,
});
if (!batch || batch.rows !== rows) throw new Error('the rows make one batch');

const optimizer = createAdamW(parameters, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
const rateBefore = await measureMachineRate();
const step = await createTrainStep(model, { memory: stepMemory[memory] });
const seconds: number[] = [];
for (let i = 0; i < 3; i++) {
  const started = performance.now();
  const { gradients } = await step.run(values, batch, { lossScale: 1 / batch.labelCount });
  optimizer.update(values, gradients, 1e-4, clipScale(globalNorm(gradients), 1));
  seconds.push((performance.now() - started) / 1000);
}
const peakBytes = process.resourceUsage().maxRSS * 1024;
await step.close();
const rateAfter = await measureMachineRate();
process.stdout.write(
  JSON.stringify({
    peakBytes,
    seconds: Math.min(...seconds.slice(1)), // the first one meets every page for the first time
    rate: {
      flopsPerSecond: Math.max(rateBefore.flopsPerSecond, rateAfter.flopsPerSecond),
      passBytesPerSecond: Math.max(rateBefore.passBytesPerSecond, rateAfter.passBytesPerSecond),
    },
  }),
);
