/** A lean step on packed weights: its memory and time against the same step in float32 and bfloat16, each in a process of its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stepMemory } from '../shared/domain/step-memory.ts';
import { median } from './median.ts';
import { caseText, openStep, peaksMb, prepareTrainCase, timeSteps, type TrainCaseWeights } from './train-case.ts';

const kinds: readonly TrainCaseWeights[] = ['F32', 'BF16', 'nf4', 'u4'];

/** Memory is that of a process at its peak, so each kind has one; the last line of its output is its figures. */
export async function benchTrainQlora(): Promise<Record<string, unknown>> {
  const figures: Record<string, unknown> = { bench: 'train-qlora', shape: caseText, memory: 'lean' };
  const seconds = new Map<TrainCaseWeights, number>();
  for (const weights of kinds) await prepareTrainCase(weights);
  for (const weights of kinds) {
    const script = fileURLToPath(import.meta.url);
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', script, weights], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the step in ${weights} failed: ${stderr}`);
    const measured = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as StepFigures; // written by `measure`
    seconds.set(weights, measured.stepSeconds);
    for (const [name, value] of Object.entries(measured)) figures[`${weights.toLowerCase()} ${name}`] = value;
  }
  const [float = Number.NaN] = [seconds.get('F32')];
  for (const weights of kinds.slice(1))
    figures[`${weights.toLowerCase()} over f32`] = (seconds.get(weights) ?? Number.NaN) / float;
  return figures;
}

interface StepFigures {
  readonly stepSeconds: number;
  readonly peakRssMb: number;
  readonly peakAboveWeightsMb: number;
  readonly sessionSeconds: number;
  readonly firstLoss: number;
}

async function measure(weights: TrainCaseWeights): Promise<StepFigures> {
  const prepared = await prepareTrainCase(weights);
  const { step, sessionSeconds } = await openStep(prepared.model, { memory: stepMemory.lean });
  const { seconds, losses } = await timeSteps(prepared.takeStep, step);
  const peaks = peaksMb(prepared);
  await step.close();
  return { stepSeconds: median(seconds), ...peaks, sessionSeconds, firstLoss: losses[0] ?? Number.NaN };
}

const asked = kinds.find((kind) => kind === process.argv[2]);
if (asked && process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(await measure(asked)));
