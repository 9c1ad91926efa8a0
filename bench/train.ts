/** A training step against the machine's own matrix products. A step is whole: batch, forward, backward, clipping, AdamW. */
import { productFlops } from '../gpu-job/graph/flops.ts';
import { trainGraph } from '../gpu-job/training/step-graph.ts';
import { allKept } from '../shared/domain/plan-step.ts';
import type { BenchShape } from './bench-base.ts';
import { bestGemmGflops } from './gemm.ts';
import { median } from './median.ts';
import { caseTextOf, openStep, peaksMb, prepareTrainCase, timeSteps } from './train-case.ts';

/** Nothing is computed again but the scores of rows that are too long to keep them. */
export async function benchTrain(shape: BenchShape, rows: number, length: number): Promise<Record<string, unknown>> {
  const size = { shape, rows, length };
  const memory = allKept(length);
  const prepared = await prepareTrainCase('F32', size);
  const { model, takeStep } = prepared;
  const flops = productFlops(trainGraph(model, memory), { B: rows, H: length / Math.max(2, memory.lossChunks) });

  const gemmBefore = await bestGemmGflops();
  const { step, sessionSeconds } = await openStep(model, { memory });
  const { seconds, losses } = await timeSteps(takeStep, step);
  const peaks = peaksMb(prepared); // before the large products below
  await step.close();
  const gemmAfter = await bestGemmGflops();

  const stepSeconds = median(seconds);
  const gemmGflops = Math.max(gemmBefore, gemmAfter);
  const gflops = flops / stepSeconds / 1e9;
  return {
    bench: 'train',
    shape: caseTextOf(size),
    stepSeconds,
    stepSecondsMin: Math.min(...seconds),
    tokensPerSecond: (rows * length) / stepSeconds,
    gflops,
    gemmGflops,
    gemmGflopsBeforeAfter: [gemmBefore, gemmAfter],
    gemmFraction: gflops / gemmGflops,
    productGflopPerStep: flops / 1e9,
    ...peaks,
    sessionSeconds,
    firstLoss: losses[0],
    lastLoss: losses.at(-1),
  };
}
