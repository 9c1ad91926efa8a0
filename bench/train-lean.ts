/** A lean step: what it holds at its peak, and its time against that of a fast step in the same run. */
import { createTrainStep } from '../gpu-job/training/step-graph.ts';
import { stepMemory } from '../shared/domain/step-memory.ts';
import { median } from './median.ts';
import { caseText, prepareTrainCase, timeSteps } from './train-case.ts';

export async function benchTrainLean(dtype: 'F32' | 'BF16'): Promise<Record<string, unknown>> {
  const { model, takeStep } = await prepareTrainCase(dtype);
  const time = async (memory: 'lean' | 'fast') => {
    const step = await createTrainStep(model, { memory: stepMemory[memory] });
    const { seconds, losses } = await timeSteps(takeStep, step);
    const peakRssMb = process.resourceUsage().maxRSS / 1024; // of all so far: lean comes first
    await step.close();
    return { seconds: median(seconds), peakRssMb, firstLoss: losses[0] };
  };
  const lean = await time('lean');
  const fast = await time('fast');
  return {
    bench: 'train-lean',
    shape: caseText,
    dtype,
    leanStepSeconds: lean.seconds,
    fastStepSeconds: fast.seconds,
    leanOverFast: lean.seconds / fast.seconds,
    leanPeakRssMb: lean.peakRssMb,
    fastPeakRssMb: fast.peakRssMb,
    firstLoss: lean.firstLoss,
  };
}
