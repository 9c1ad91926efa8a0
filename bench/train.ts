/** A training step against the machine's own matrix products. A step is whole: batch, forward, backward, clipping, AdamW. */
import { productFlops } from '../gpu-job/graph/flops.ts';
import { createTrainStep, trainGraph } from '../gpu-job/training/step-graph.ts';
import { bestGemmGflops } from './gemm.ts';
import { median } from './median.ts';
import { caseShape, caseText, prepareTrainCase, timeSteps } from './train-case.ts';

export async function benchTrain(): Promise<Record<string, unknown>> {
  const { model, takeStep } = await prepareTrainCase();
  const flops = productFlops(trainGraph(model), { B: caseShape.rows, H: caseShape.length / 2 });

  const gemmBefore = await bestGemmGflops();
  const step = await createTrainStep(model);
  const { seconds, losses } = await timeSteps(takeStep, step);
  const peakRssMb = process.resourceUsage().maxRSS / 1024; // before the large products below
  await step.close();
  const gemmAfter = await bestGemmGflops();

  const stepSeconds = median(seconds);
  const gemmGflops = Math.max(gemmBefore, gemmAfter);
  const gflops = flops / stepSeconds / 1e9;
  return {
    bench: 'train',
    shape: caseText,
    stepSeconds,
    stepSecondsMin: Math.min(...seconds),
    tokensPerSecond: (caseShape.rows * caseShape.length) / stepSeconds,
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
