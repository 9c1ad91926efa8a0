import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { StepPlan } from '../../shared/domain/plan-step.ts';
import type { ForgettingReport } from '../../shared/contract/reports.ts';
import { generalTextName } from '../forgetting/general-rows.ts';
import { measureForgetting } from '../forgetting/measure-forgetting.ts';
import { createGenerator, type Generator } from '../generation/generator.ts';
import { createEvalStep, type EvalStep } from '../training/eval-graph.ts';
import type { EvalLine, MetricsLine } from '../training/metrics-log.ts';
import { randomStream } from '../training/random.ts';
import { meanScores, scoreRows } from '../training/score-rows.ts';
import { firstRows } from '../training/token-rows.ts';
import { generateText } from './generate-text.ts';
import type { JobContext } from './job-context.ts';
import type { PreparedTraining } from './prepare-training.ts';
import { stepOptions } from './step-options.ts';

/** Looks at a model in training from outside: held-out loss and sample texts. */
export interface RunObserver {
  /** Whether there is something to look at after so many steps. */
  isDue(step: number): boolean;
  /** What was seen, for the metrics; undefined when the job was asked to stop meanwhile. */
  observe(parameters: ReadonlyMap<string, Float32Array>, step: number): Promise<readonly MetricsLine[] | undefined>;
  /** Held-out figures of weights that are not those of the last look; undefined when the job was asked to stop meanwhile. */
  measure(parameters: ReadonlyMap<string, Float32Array>, step: number): Promise<EvalLine | undefined>;
  /** What has been learnt and forgotten, where the run asks for it; undefined when the job was asked to stop meanwhile. */
  forgetting(parameters: ReadonlyMap<string, Float32Array>): Promise<ForgettingReport | undefined>;
  close(): Promise<void>;
}

/** Steps from one look at a run of so many steps to the next. */
export const evaluatesEvery = ({ evaluation }: Pick<TrainSpec, 'evaluation'>, steps: number): number =>
  evaluation.everySteps ?? Math.max(1, Math.ceil(steps / 10));

/** Sessions are opened when they are first needed: a run without held-out rows or prompts pays for none. */
export function observeRun(
  spec: TrainSpec,
  { model, text, evalRows, general, prompts, plan, batchShape }: PreparedTraining,
  stepPlan: StepPlan,
  context: JobContext,
): RunObserver {
  const evaluateEvery = evaluatesEvery(spec, plan.steps);
  const sampleEvery = spec.samples.everySteps ?? evaluateEvery;
  const isStepOf = (every: number, step: number): boolean => step % every === 0 || step === plan.steps;
  const evaluates = (step: number): boolean => evalRows.length > 0 && isStepOf(evaluateEvery, step);
  const samples = (step: number): boolean => prompts.length > 0 && isStepOf(sampleEvery, step);
  const { microBatchTokens } = stepPlan;
  const shape = { ...batchShape, microBatchTokens };
  let evaluation: EvalStep | undefined;
  let generator: Generator | undefined;

  const evalStep = async (): Promise<EvalStep> =>
    (evaluation ??= await createEvalStep(model, stepOptions(spec, stepPlan)));

  const evaluate = async (parameters: ReadonlyMap<string, Float32Array>, step: number): Promise<EvalLine> => {
    const scores = await scoreRows(await evalStep(), parameters, evalRows, shape, (done) => {
      context.emit({ type: 'progress', stage: 'evaluate', done, total: evalRows.length, unit: 'rows' });
      if (context.stopRequested()) throw new Interrupted();
    });
    const { loss, tokenAccuracy } = meanScores(scores);
    return { step, evalLoss: loss, evalTokenAccuracy: tokenAccuracy };
  };

  const sample = async (
    parameters: ReadonlyMap<string, Float32Array>,
    step: number,
    prompt: PreparedTraining['prompts'][number],
    index: number,
  ): Promise<MetricsLine> => {
    generator ??= await createGenerator(model, stepOptions(spec, stepPlan));
    const { text: sampled, end } = await generateText(generator, text, parameters, {
      ...spec.samples,
      promptIds: prompt.ids,
      random: randomStream(spec.seed, 'sample', step, index),
      stopRequested: () => context.stopRequested(),
    });
    if (end === 'interrupted') throw new Interrupted();
    context.emit({ type: 'sample', step, prompt: prompt.text, text: sampled });
    return { step, prompt: prompt.text, sample: sampled };
  };

  return {
    isDue: (step) => evaluates(step) || samples(step),
    observe: (parameters, step) =>
      unlessInterrupted(async () => {
        const lines: MetricsLine[] = [];
        if (evaluates(step)) {
          const line = await evaluate(parameters, step);
          context.emit({ type: 'eval', step, loss: line.evalLoss, tokenAccuracy: line.evalTokenAccuracy });
          lines.push(line);
        }
        if (samples(step))
          for (const [index, prompt] of prompts.entries()) lines.push(await sample(parameters, step, prompt, index));
        return lines;
      }),
    measure: (parameters, step) => unlessInterrupted(() => evaluate(parameters, step)),
    forgetting: (parameters) =>
      unlessInterrupted(async () =>
        measureForgetting(await evalStep(), parameters, {
          taskRows: firstRows(evalRows, spec.evaluation.general?.rowsMax),
          generalRows: general,
          generalText: generalTextName(spec.evaluation.general),
          shape,
          now: () => context.now(),
          onProgress(done, total) {
            context.emit({ type: 'progress', stage: 'scales', done, total, unit: 'rows' });
            if (context.stopRequested()) throw new Interrupted();
          },
        }),
      ),
    async close() {
      await evaluation?.close();
      await generator?.close();
    },
  };
}

async function unlessInterrupted<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Interrupted) return undefined;
    throw error;
  }
}

/** Leaves the middle of an evaluation; never seen outside. */
class Interrupted extends Error {}
