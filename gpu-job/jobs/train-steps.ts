import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { DomainError, UnavailableError, type Finding } from '../../shared/errors.ts';
import { requireMethod } from '../methods/tuned-model.ts';
import { makeBatches } from '../training/batches.ts';
import { firstState, readLatestCheckpoint, writeCheckpoint, type RunState } from '../training/checkpoint.ts';
import { checkpointInterval } from '../training/checkpoint-interval.ts';
import { keptAfter, keptSteps } from '../training/kept-checkpoints.ts';
import { firstLossScale, lossScaleAfter } from '../training/loss-scale.ts';
import { openMetricsLog, type MetricsLine } from '../training/metrics-log.ts';
import { clipScale } from '../training/optimizers.ts';
import { randomStream } from '../training/random.ts';
import { bestAfter, isSpike, normsAfter, spikesInARowMax } from '../training/run-guard.ts';
import type { RunWall } from '../training/run-wall.ts';
import { learningRateAt } from '../training/schedules.ts';
import { indicesUpTo } from '../training/token-rows.ts';
import { planText, type ChosenPlan } from './choose-step-plan.ts';
import { initialValues } from './initial-values.ts';
import type { JobContext } from './job-context.ts';
import { evaluatesEvery, type RunObserver } from './observe-run.ts';
import { openTrainer } from './open-trainer.ts';
import type { PreparedTraining } from './prepare-training.ts';
import { asWritten, outputDtype, type TrainedWeights } from './write-trained.ts';

/**
 * Takes the steps of a run that are left, from its last checkpoint on. Throws `DomainError('diverged')` when a loss or a gradient is no
 * number any more, `DomainError('budget-spent')` when its allowance was spent before the first step, and `UnavailableError` when it was asked
 * to stop and has saved its work.
 */
export async function runSteps(
  spec: SettledTrainSpec,
  run: PreparedTraining,
  stepPlan: ChosenPlan,
  { observer, wall }: { readonly observer: RunObserver; readonly wall: RunWall },
  context: JobContext,
): Promise<TrainedWeights> {
  const { plan, folders } = run;
  const { allowanceSeconds } = wall;
  const { memory, microBatchTokens, compute = 'float32' } = stepPlan;
  const batchShape = { ...run.batchShape, microBatchTokens };
  const { patience, keep = patience === undefined ? 'last' : 'best' } = spec.evaluation;
  const method = requireMethod(run.model);
  const checkpoint = await readLatestCheckpoint(folders.checkpoints, method);
  const begun = run.start?.optimizer;
  const updatesBefore = begun && begun.updates > 0 ? { updatesBefore: begun.updates } : {};
  let state: RunState = checkpoint?.state ?? {
    ...firstState,
    ...updatesBefore,
    plan: { memory, microBatchTokens, compute },
    ...(compute === 'float16' ? { lossScale: firstLossScale } : {}),
  };
  let best = checkpoint?.best;
  const values = checkpoint?.parameters ?? (await initialValues(spec, run, context));
  const moments = checkpoint?.moments ?? begun?.moments;
  const updates = (state.updatesBefore ?? 0) + state.step - state.skippedSteps;
  const metrics = await openMetricsLog(folders.metrics, state.metricsBytes);
  const start = { values, begun: moments && { updates, moments } };
  const trainer = await openTrainer(spec, run, stepPlan, start, context);
  emitPlan(run, stepPlan, state, context);

  const save = async (): Promise<string> => {
    state = { ...state, spentSeconds: wall.spentSeconds(), metricsBytes: await metrics.flush() };
    const content = { state, parameters: trainer.values(), moments: trainer.moments(), best };
    const { checkpoints } = folders;
    const pinned = spec.keep ? keptSteps(spec.keep, state).map((kept) => kept.step) : [];
    const path = await writeCheckpoint(checkpoints, content, method, run.identity, spec.checkpoint.keep, pinned);
    context.emit({ type: 'checkpoint', step: state.step, path });
    return path;
  };
  /** Whatever ends a run early begins with a checkpoint. Who asked for the end can have it go on; one whose allowance is spent is written as it stands. */
  const endEarly = async (): Promise<'budget'> => {
    const path = await save();
    if (context.stopRequested())
      throw new UnavailableError(
        `Stopped after step ${state.step} of ${plan.steps}. Run the same again to go on from ${path}.`,
      );
    if (state.step === 0)
      throw new DomainError('budget-spent', 'The allowance is spent before the first step: give the run more time.');
    return 'budget';
  };

  const lookEvery = evaluatesEvery(spec, plan.steps);
  const isLook = (step: number): boolean => step > 0 && (step % lookEvery === 0 || step === plan.steps);
  const noteBest = (lines: readonly MetricsLine[]): void => {
    const line = lines.find((given) => 'evalLoss' in given);
    if (!line || line.step === 0) return; // weights that were not trained are never the best
    state = { ...state, best: bestAfter(state.best ?? undefined, { step: line.step, loss: line.evalLoss }) };
    if (keep === 'best' && state.best?.since === 0) best = copied(trainer.values());
  };
  const finish = async (spent: 'budget' | undefined): Promise<TrainedWeights> => {
    let stoppedBy = spent;
    const earlier = keep === 'best' && state.best && state.best.step !== state.step ? best : undefined;
    const writtenStep = earlier && state.best ? state.best.step : state.step;
    const written = asWritten(earlier ?? trainer.values(), outputDtype(spec, run));
    const forgetting = run.general.length > 0 && !stoppedBy ? await observer.forgetting(written) : undefined;
    if (run.general.length > 0 && !forgetting) stoppedBy ??= await endEarly();
    // the weights of the last look may be others, or others once they are rounded
    if (!stoppedBy && (earlier ?? state.step < plan.steps)) {
      const line = await observer.measure(written, writtenStep);
      if (line) await metrics.append({ ...line, written: true });
      else stoppedBy = await endEarly();
    }
    // what was asked for, and not an end that comes after all steps
    const early = stoppedBy && state.step < plan.steps ? { stoppedBy } : {};
    return { state, parameters: written, writtenStep, ...early, ...(forgetting ? { forgetting } : {}) };
  };

  try {
    let savedAt = context.now();
    let [stepSeconds, saveSeconds] = [0, 0];
    let stoppedBy: 'budget' | undefined;
    for (let ended = false; !ended;) {
      const { step } = state;
      ended = step === plan.steps;
      if (state.evaluatedStep !== step && observer.isDue(step)) {
        const values = trainer.values();
        const seen = ended ? asWritten(values, outputDtype(spec, run)) : values;
        const lines = await observer.observe(seen, step);
        if (!lines) {
          stoppedBy = await endEarly();
          break;
        }
        for (const line of lines) await metrics.append(line);
        noteBest(lines);
        state = { ...state, evaluatedStep: step };
      }
      if (spec.keep && isLook(step) && !state.kept.includes(step)) {
        state = { ...state, kept: keptAfter(state.kept, step, spec.keep) };
        if (keptSteps(spec.keep, state).some((kept) => kept.step === step)) await save();
      }
      if (ended || (patience !== undefined && (state.best?.since ?? 0) >= patience)) break;
      if (context.stopRequested() || wall.isReached(stepSeconds)) {
        stoppedBy = await endEarly();
        break;
      }

      const startedAt = context.now();
      const { epoch, rows } = plan.stepAt(step);
      const batches = makeBatches(await run.rows.read(rows), indicesUpTo(rows.length), batchShape);
      const dropoutSeed = (batch: number): number => randomStream(spec.seed, 'dropout', step, batch).below(2 ** 32);
      const scale = state.lossScale?.factor ?? 1;
      const { loss, labels, gradientNorm: scaledNorm } = await trainer.accumulate(batches, dropoutSeed, scale);
      const gradientNorm = scaledNorm / scale;
      const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm);
      const overflow = Number.isFinite(loss) && !finite && scale > 1;
      const spike = !overflow && isSpikeOf(spec, state, loss, gradientNorm);
      if (spike ? state.skippedInARow + 1 >= spikesInARowMax : !finite && !overflow) throw diverged(run, state, loss);
      const learningRate = learningRateAt(run.schedule, step);
      if (!spike && !overflow) trainer.update(learningRate, clipScale(gradientNorm, spec.optimizer.clipNorm) / scale);

      const seconds = (context.now() - startedAt) / 1000;
      stepSeconds = seconds;
      const tokens = sum(batches.flatMap(({ sources }) => sources.map(({ length }) => length)));
      state = { ...state, step: step + 1, tokens: state.tokens + tokens, seconds: state.seconds + seconds };
      if (state.lossScale) state = { ...state, lossScale: lossScaleAfter(state.lossScale, overflow) };
      state =
        spike || overflow
          ? { ...state, skippedSteps: state.skippedSteps + 1, skippedInARow: state.skippedInARow + Number(spike) }
          : { ...state, skippedInARow: 0, recentNorms: normsAfter(state.recentNorms, gradientNorm) };
      if (spike || overflow) {
        await metrics.append({ step: state.step, skipped: true, gradientNorm: finite ? gradientNorm : null });
        context.emit({
          type: 'finding',
          finding: overflow ? overflown(state) : skipped(state.step, loss, gradientNorm),
        });
        continue;
      }
      const figures = { step: state.step, epoch, loss, learningRate, gradientNorm, tokensPerSecond: tokens / seconds };
      await metrics.append({ ...figures, labels, tokens });
      const secondsLeft = (state.seconds / state.step) * (plan.steps - state.step);
      context.emit({ type: 'step', ...figures, steps: plan.steps, secondsLeft });
      const { everySeconds } = spec.checkpoint;
      const interval = checkpointInterval({ everySeconds, stepSeconds, saveSeconds, allowanceSeconds });
      if (context.now() - savedAt >= interval * 1000) {
        const saveBegan = context.now();
        await save();
        savedAt = context.now();
        saveSeconds = (savedAt - saveBegan) / 1000;
      }
    }
    return await finish(stoppedBy);
  } finally {
    await metrics.close();
    await trainer.close();
  }
}

function isSpikeOf(
  { optimizer }: SettledTrainSpec,
  { recentNorms }: RunState,
  loss: number,
  gradientNorm: number,
): boolean {
  const { spikeFactor } = optimizer;
  return spikeFactor !== undefined && (!Number.isFinite(loss) || isSpike(recentNorms, gradientNorm, spikeFactor));
}

const skipped = (step: number, loss: number, gradientNorm: number): Finding => ({
  severity: 'warning',
  code: 'step-skipped',
  message: `step ${step} is left out: its gradient has a norm of ${gradientNorm.toPrecision(3)}, its loss is ${loss.toPrecision(3)}`,
});

const overflown = ({ step, lossScale }: RunState): Finding => ({
  severity: 'warning',
  code: 'step-skipped',
  message: `step ${step} is left out: its gradient is beyond float16. From now on the loss is multiplied by ${lossScale?.factor} only`,
});

const copied = (parameters: ReadonlyMap<string, Float32Array>): ReadonlyMap<string, Float32Array> =>
  new Map([...parameters].map(([name, values]) => [name, values.slice()]));

function emitPlan(run: PreparedTraining, stepPlan: ChosenPlan, state: RunState, context: JobContext): void {
  context.emit({
    type: 'run',
    firstStep: state.step + 1,
    steps: run.plan.steps,
    rows: run.rows.length,
    evalRows: run.evalRows.length,
    tokens: sum(run.rows.inputLengths),
    trainedTokens: run.labels,
    trainableParameters: sum(run.parameters.map(({ shape }) => shape.reduce((product, dim) => product * dim, 1))),
    memory: planText(stepPlan, run.spec.workers),
  });
}

function diverged(
  { folders, schedule }: PreparedTraining,
  { step, skippedInARow }: RunState,
  loss: number,
): DomainError {
  const what = Number.isFinite(loss) ? 'gradient' : 'loss';
  const reason =
    skippedInARow > 0
      ? `The gradient of step ${step + 1} is a spike, and the ${skippedInARow} steps before it were left out for theirs`
      : `The ${what} of step ${step + 1} is not a finite number`;
  return new DomainError(
    'diverged',
    `${reason}: the run has diverged. The last checkpoint in ${folders.checkpoints}, if there is one, is from before. Lower optimizer.learningRate (${schedule.learningRate}), warm up longer or clip harder, and remove ${folders.run} to start anew.`,
  );
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
