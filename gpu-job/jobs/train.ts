import { mkdir, rm } from 'node:fs/promises';
import type { TrainReport } from '../../shared/contract/reports.ts';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { readTensorFloat32 } from '../folders/base-model.ts';
import { initialLora } from '../methods/initial-lora.ts';
import { requireMethod } from '../methods/tuned-model.ts';
import { accumulate } from '../training/accumulate.ts';
import { inputLength, labelCount, makeBatches } from '../training/batches.ts';
import { readLatestCheckpoint, writeCheckpoint, type RunState } from '../training/checkpoint.ts';
import { loraPlusFactors } from '../training/lora-plus.ts';
import { openMetricsLog } from '../training/metrics-log.ts';
import { clipScale, createAdamW, globalNorm } from '../training/optimizers.ts';
import { randomStream } from '../training/random.ts';
import { lockRun } from '../training/run-lock.ts';
import { learningRateAt } from '../training/schedules.ts';
import { createTrainStep } from '../training/step-graph.ts';
import type { JobContext } from './job-context.ts';
import { observeRun } from './observe-run.ts';
import { prepareTraining, type PreparedTraining } from './prepare-training.ts';
import { stepOptions } from './step-options.ts';
import { asWritten, outputDtype, writeTrained } from './write-trained.ts';

/**
 * Trains an adapter or a whole model. Where the result of the same run stands already, its report is returned. Goes on from the checkpoint in `<output>.run` where there is one, bit for bit on the CPU.
 * Throws `DomainError('train')` with all findings before the first step, `DomainError('diverged')` when a loss or a gradient is no
 * number any more, and `UnavailableError` when it was asked to stop and has saved its work.
 */
export async function runTrain(spec: TrainSpec, context: JobContext): Promise<TrainReport> {
  const run = await prepareTraining(spec);
  try {
    for (const finding of run.warnings) context.emit({ type: 'finding', finding });
    if (run.finished) {
      await rm(run.folders.run, { recursive: true, force: true });
      const message = 'holds the result of this very run already; nothing was trained anew';
      const finding = { severity: 'warning', code: 'already-done', where: 'output', message } as const;
      context.emit({ type: 'finding', finding });
      return { ...run.finished, warnings: [...run.finished.warnings, finding] };
    }
    await mkdir(run.folders.run, { recursive: true });
    const unlock = await lockRun(run.folders.run);
    const observer = observeRun(spec, run, context);
    try {
      const { state, parameters } = await runSteps(spec, run, observer, context);
      const report = await writeTrained(spec, run, asWritten(parameters, outputDtype(spec, run)), state);
      await rm(run.folders.run, { recursive: true, force: true });
      return report;
    } finally {
      await observer.close();
      await unlock();
    }
  } finally {
    await run.text.close();
  }
}

async function runSteps(
  spec: TrainSpec,
  run: PreparedTraining,
  observer: ReturnType<typeof observeRun>,
  context: JobContext,
): Promise<{ state: RunState; parameters: ReadonlyMap<string, Float32Array> }> {
  const { plan, folders } = run;
  const method = requireMethod(run.model);
  const checkpoint = await readLatestCheckpoint(folders.checkpoints, method);
  let state: RunState = checkpoint?.state ?? { step: 0, evaluatedStep: -1, tokens: 0, seconds: 0, metricsBytes: 0 };
  const parameters = checkpoint?.parameters ?? (await initialValues(spec, run, context));
  const rateFactors = loraPlusFactors(spec.optimizer, run.schedule.learningRate);
  const optimizer = createAdamW(run.parameters, { ...spec.optimizer, rateFactors });
  if (checkpoint) optimizer.restore(state.step, checkpoint.moments);
  const metrics = await openMetricsLog(folders.metrics, state.metricsBytes);
  const session = await createTrainStep(run.model, stepOptions(spec));
  emitPlan(run, state, context);

  const save = async (): Promise<string> => {
    state = { ...state, metricsBytes: await metrics.flush() };
    const content = { state, parameters, moments: optimizer.moments };
    const { checkpoints } = folders;
    const path = await writeCheckpoint(checkpoints, content, method, run.identity, spec.checkpoint.keep);
    context.emit({ type: 'checkpoint', step: state.step, path });
    return path;
  };
  const stop = async (): Promise<never> => {
    const path = await save();
    throw new UnavailableError(
      `Stopped after step ${state.step} of ${plan.steps}. Run the same again to go on from ${path}.`,
    );
  };

  try {
    let savedAt = context.now();
    for (let ended = false; !ended;) {
      const { step } = state;
      ended = step === plan.steps;
      if (state.evaluatedStep !== step && observer.isDue(step)) {
        const seen = ended ? asWritten(parameters, outputDtype(spec, run)) : parameters;
        const lines = (await observer.observe(seen, step)) ?? (await stop());
        for (const line of lines) await metrics.append(line);
        state = { ...state, evaluatedStep: step };
      }
      if (ended) break;
      if (context.stopRequested()) await stop();

      const startedAt = context.now();
      const { epoch, rows } = plan.stepAt(step);
      const batches = makeBatches(run.rows, rows, run.batchShape);
      const dropoutSeed = (batch: number): number => randomStream(spec.seed, 'dropout', step, batch).below(2 ** 32);
      const { loss, labels, gradients } = await accumulate(session, parameters, batches, dropoutSeed);
      const gradientNorm = globalNorm(gradients);
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) throw diverged(run, step + 1, loss);
      const learningRate = learningRateAt(run.schedule, step);
      optimizer.update(parameters, gradients, learningRate, clipScale(gradientNorm, spec.optimizer.clipNorm));

      const seconds = (context.now() - startedAt) / 1000;
      const tokens = sum(batches.flatMap(({ sources }) => sources.map(({ length }) => length)));
      state = { ...state, step: step + 1, tokens: state.tokens + tokens, seconds: state.seconds + seconds };
      const figures = { step: state.step, epoch, loss, learningRate, gradientNorm, tokensPerSecond: tokens / seconds };
      await metrics.append({ ...figures, labels, tokens });
      const secondsLeft = (state.seconds / state.step) * (plan.steps - state.step);
      context.emit({ type: 'step', ...figures, steps: plan.steps, secondsLeft });
      if (context.now() - savedAt >= spec.checkpoint.everySeconds * 1000) {
        await save();
        savedAt = context.now();
      }
    }
    return { state, parameters };
  } finally {
    await metrics.close();
    await session.close();
  }
}

async function initialValues(
  { seed }: TrainSpec,
  { config, model, targets, parameters }: PreparedTraining,
  context: JobContext,
): Promise<ReadonlyMap<string, Float32Array>> {
  const { base, linears } = model;
  if (config)
    return initialLora({ base, linears, config, targets, seed }, (done) => {
      context.emit({ type: 'progress', stage: 'initialise', done, total: targets.length, unit: 'modules' });
      if (context.stopRequested()) throw new UnavailableError('Stopped before the first step.');
    });
  const values = new Map<string, Float32Array>();
  for (const { name } of parameters) values.set(name, await readTensorFloat32(base, name));
  return values;
}

function emitPlan(run: PreparedTraining, state: RunState, context: JobContext): void {
  context.emit({
    type: 'run',
    firstStep: state.step + 1,
    steps: run.plan.steps,
    rows: run.rows.length,
    evalRows: run.evalRows.length,
    tokens: sum(run.rows.map(inputLength)),
    trainedTokens: sum(run.rows.map(labelCount)),
    trainableParameters: sum(run.parameters.map(({ shape }) => shape.reduce((product, dim) => product * dim, 1))),
  });
}

function diverged({ folders, schedule }: PreparedTraining, step: number, loss: number): DomainError {
  return new DomainError(
    'diverged',
    `The ${Number.isFinite(loss) ? 'gradient' : 'loss'} of step ${step} is not a finite number: the run has diverged. The last checkpoint in ${folders.checkpoints}, if there is one, is from before. Lower optimizer.learningRate (${schedule.learningRate}), warm up longer or clip harder, and remove ${folders.run} to start anew.`,
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
