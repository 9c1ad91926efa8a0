/** What is predicted of a step, against what it takes: each case in a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeModel } from '../gpu-job/methods/tuned-model.ts';
import { modelShape } from '../shared/domain/model-shape.ts';
import { stepBytes, stepSeconds, totalBytes, type MachineRate, type StepSubject } from '../shared/domain/step-cost.ts';
import { stepMemory } from '../shared/domain/step-memory.ts';
import { shapeSize } from '../shared/formats/dtype.ts';
import { estimateCases } from './estimate-cases.ts';
import { median } from './median.ts';

const program = fileURLToPath(new URL('estimate-step.ts', import.meta.url));

interface Measured {
  readonly peakBytes: number;
  readonly seconds: number;
  readonly rate: MachineRate;
}

export async function benchEstimate(): Promise<Record<string, unknown>> {
  const cases: Record<string, unknown> = {};
  const ratios: { bytes: number; seconds: number }[] = [];
  for (const one of estimateCases) {
    const subject = subjectOf(one);
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, one.name]);
    const { peakBytes, seconds, rate } = JSON.parse(stdout) as Measured; // printed by the program above
    const memory = stepMemory[one.memory];
    const predicted = { bytes: totalBytes(stepBytes(subject, memory)), seconds: stepSeconds(subject, memory, rate) };
    const ratio = { bytes: predicted.bytes / peakBytes, seconds: predicted.seconds / seconds };
    ratios.push(ratio);
    process.stderr.write(
      `${one.name}: ${ratio.bytes.toFixed(2)} of its memory, ${ratio.seconds.toFixed(2)} of its time\n`,
    );
    cases[one.name] = [
      `${(predicted.bytes / 2 ** 20).toFixed()} MiB predicted, ${(peakBytes / 2 ** 20).toFixed()} measured: ${ratio.bytes.toFixed(2)}`,
      `${predicted.seconds.toFixed(2)} s predicted, ${seconds.toFixed(2)} measured: ${ratio.seconds.toFixed(2)}`,
      `${(rate.flopsPerSecond / 1e9).toFixed()} GFLOP/s, passes ${(rate.passBytesPerSecond / 1e9).toFixed()} GB/s`,
    ].join('; ');
  }
  const spread = (values: readonly number[]): number[] => [Math.min(...values), median(values), Math.max(...values)];
  return {
    bench: 'estimate',
    ...cases,
    memoryRatioMinMedianMax: spread(ratios.map(({ bytes }) => bytes)),
    secondsRatioMinMedianMax: spread(ratios.map(({ seconds }) => seconds)),
  };
}

function subjectOf({ config, dtype, rank, rows, length }: (typeof estimateCases)[number]): StepSubject {
  const { tensors, linears } = describeModel(config);
  const parameters = tensors.reduce((sum, { shape }) => sum + shapeSize(shape), 0);
  const elementBytes = dtype === 'F32' ? 4 : 2;
  return {
    shape: modelShape(tensors),
    parameters,
    weightBytes: parameters * elementBytes,
    elementBytes,
    packed: false,
    trained: linears.reduce((sum, { inFeatures, outFeatures }) => sum + rank * (inFeatures + outFeatures), 0),
    layerRank: 7 * rank,
    dropout: false,
    sessions: 1,
    rows,
    length,
  };
}
