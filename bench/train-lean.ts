/** A lean step: what it holds at its peak, and its time against that of a fast step in the same run. */
import { stepMemory } from '../shared/domain/step-memory.ts';
import { median } from './median.ts';
import { caseText, openStep, peaksMb, prepareTrainCase, timeSteps } from './train-case.ts';

export async function benchTrainLean(dtype: 'F32' | 'BF16'): Promise<Record<string, unknown>> {
  const prepared = await prepareTrainCase(dtype);
  const { model, takeStep } = prepared;
  const time = async (memory: 'lean' | 'fast') => {
    const { step, sessionSeconds } = await openStep(model, { memory: stepMemory[memory] });
    const { seconds, losses } = await timeSteps(takeStep, step);
    const peaks = peaksMb(prepared); // of all so far: lean comes first
    await step.close();
    return { seconds: median(seconds), ...peaks, sessionSeconds, firstLoss: losses[0] };
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
    leanPeakAboveWeightsMb: lean.peakAboveWeightsMb,
    fastPeakRssMb: fast.peakRssMb,
    fastPeakAboveWeightsMb: fast.peakAboveWeightsMb,
    leanSessionSeconds: lean.sessionSeconds,
    fastSessionSeconds: fast.sessionSeconds,
    firstLoss: lean.firstLoss,
  };
}
