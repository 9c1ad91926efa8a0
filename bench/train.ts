/**
 * The training step at the shape of SmolLM2-135M (random weights, 1 x 512 tokens, LoRA r=16 on all linear layers) against the
 * machine's own matrix products. A step is whole: batch, forward, backward, clipping, AdamW.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openBaseModel } from '../gpu-job/folders/base-model.ts';
import { productFlops } from '../gpu-job/graph/flops.ts';
import { loraMethod } from '../gpu-job/methods/lora.ts';
import { requireMethod, tunedModel } from '../gpu-job/methods/tuned-model.ts';
import { makeBatches } from '../gpu-job/training/batches.ts';
import { clipScale, createAdamW, globalNorm } from '../gpu-job/training/optimizers.ts';
import { createTrainStep, trainGraph } from '../gpu-job/training/step-graph.ts';
import { smolLm135Config, uniform, writeRandomBase } from '../test/support/random-base.ts';
import { bestGemmGflops } from './gemm.ts';
import { median } from './median.ts';

const shape = { rows: 1, length: 512, rank: 16 };
const steps = { warmUp: 2, timed: 10 };

export async function benchTrain(): Promise<Record<string, unknown>> {
  const folder = join('.cache', 'bench', 'smollm2-135m-f32');
  if (!existsSync(join(folder, 'config.json'))) await writeRandomBase(folder, smolLm135Config);
  const model = tunedModel(await openBaseModel(folder), (tunable) =>
    loraMethod(
      tunable,
      tunable.linears.map(({ module }) => ({ module, r: shape.rank, scaling: 2 })),
    ),
  );
  const flops = productFlops(trainGraph(model), { B: shape.rows, T: shape.length });
  const random = uniform(1);
  const { parameters } = requireMethod(model);
  const values = new Map(
    parameters.map(({ name, shape: dims }) => [
      name,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.02 * (random() - 0.5)),
    ]),
  );
  const rows = [randomRow(shape.length, smolLm135Config.vocab_size, random)];
  const optimizer = createAdamW(parameters, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 });

  const gemmBefore = await bestGemmGflops();
  const step = await createTrainStep(model);
  const seconds: number[] = [];
  const losses: number[] = [];
  for (let i = 0; i < steps.warmUp + steps.timed; i++) {
    const started = performance.now();
    const [batch] = makeBatches(rows, [0], {
      microBatchTokens: shape.length,
      packing: true,
      packTokens: shape.length,
      lengthMax: shape.length,
    });
    if (!batch) throw new Error('one row makes one batch');
    const { lossSum, gradients } = await step.run(values, batch, { lossScale: 1 / batch.labelCount });
    optimizer.update(values, gradients, 1e-4, clipScale(globalNorm(gradients), 1));
    if (i >= steps.warmUp) seconds.push((performance.now() - started) / 1000);
    losses.push(lossSum / batch.labelCount);
  }
  const peakRssMb = process.resourceUsage().maxRSS / 1024; // before the large products below
  await step.close();
  const gemmAfter = await bestGemmGflops();

  const stepSeconds = median(seconds);
  const gemmGflops = Math.max(gemmBefore, gemmAfter);
  const gflops = flops / stepSeconds / 1e9;
  return {
    bench: 'train',
    shape: `SmolLM2-135M, ${shape.rows} x ${shape.length} tokens, LoRA r=${shape.rank} on all linear layers, float32`,
    stepSeconds,
    tokensPerSecond: (shape.rows * shape.length) / stepSeconds,
    gflops,
    gemmGflops,
    gemmGflopsBeforeAfter: [gemmBefore, gemmAfter],
    gemmFraction: gflops / gemmGflops,
    productGflopPerStep: flops / 1e9,
    peakRssMb,
    firstLoss: losses[0],
    lastLoss: losses.at(-1),
  };
}

/** One row more than `length` tokens long, so that exactly `length` go through the model. */
function randomRow(
  length: number,
  vocabulary: number,
  random: () => number,
): { tokens: Int32Array; trained: Uint8Array } {
  return {
    tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(random() * vocabulary)),
    trained: new Uint8Array(length + 1).fill(1),
  };
}
