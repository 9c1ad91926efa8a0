import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { DomainError, invariant, UnavailableError } from '../../shared/errors.ts';
import { shapeSize } from '../../shared/formats/dtype.ts';
import { initialLora } from '../methods/initial-lora.ts';
import { ofTask } from '../methods/shared-lora.ts';
import { requireMethod, type TunedModel } from '../methods/tuned-model.ts';
import { accumulateTasks, ofTasks, type TaskSums } from '../training/accumulate-tasks.ts';
import { makeBatches } from '../training/batches.ts';
import { checkpointInterval } from '../training/checkpoint-interval.ts';
import { firstState, writeCheckpoint, type Checkpoint, type RunState } from '../training/checkpoint.ts';
import { commonCheckpoints } from '../training/common-checkpoints.ts';
import { createEvalStep, type EvalStep } from '../training/eval-graph.ts';
import { loraPlusFactors } from '../training/lora-plus.ts';
import { openMetricsLog, type MetricsLog } from '../training/metrics-log.ts';
import { clipScale, createAdamW, globalNorm, type AdamW } from '../training/optimizers.ts';
import type { RunWall } from '../training/run-wall.ts';
import { learningRateAt } from '../training/schedules.ts';
import { scoreRows } from '../training/score-rows.ts';
import { createTrainStep } from '../training/step-graph.ts';
import { indicesUpTo, joinRows, selectRows, type TokenRows } from '../training/token-rows.ts';
import { planText, type ChosenPlan } from './choose-step-plan.ts';
import type { JobContext } from './job-context.ts';
import type { PreparedTraining } from './prepare-training.ts';
import { stepOptions } from './step-options.ts';
import { asWritten, outputDtype, type TrainedWeights } from './write-trained.ts';

/** A task as the run that it would be by itself. */
export interface PreparedTask {
  readonly name: string;
  readonly spec: SettledTrainSpec;
  readonly run: PreparedTraining;
}

/** Where a task stands. Tasks share no more than the passes through the model, so each has its own step, and may be done before the others. */
interface Task extends PreparedTask {
  state: RunState;
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly optimizer: AdamW;
  readonly metrics: MetricsLog;
  /** Of the last step. */
  figures: { readonly loss: number; readonly gradientNorm: number; readonly learningRate: number };
}

/**
 * Takes the steps of all tasks that are left: each pass takes one step of every task that is not done, on the rows that it would take by itself.
 * Where the allowance is spent, each is what it has learnt by then. Throws `DomainError('diverged' | 'budget-spent')` and `UnavailableError` as a
 * training run does.
 */
export async function runTaskSteps(
  prepared: readonly PreparedTask[],
  model: TunedModel,
  stepPlan: ChosenPlan,
  wall: RunWall,
  context: JobContext,
): Promise<ReadonlyMap<string, TrainedWeights>> {
  const tasks: Task[] = [];
  const [first] = prepared;
  invariant(first, 'there are tasks');
  const options = stepOptions(first.spec, stepPlan);
  const shape = { ...first.run.batchShape, microBatchTokens: stepPlan.microBatchTokens };
  let evaluation: EvalStep | undefined;
  const session = await createTrainStep(model, options);
  /** Begins with checkpoints, like every early end. Who asked for it can have the job go on; where the allowance is spent, all are written as they stand. */
  const endEarly = async (): Promise<'budget'> => {
    await saveAll(tasks, context);
    if (context.stopRequested()) throw new UnavailableError('Stopped between two steps. Run the same again to go on.');
    const [unbegun] = tasks.filter(({ state }) => state.step === 0);
    if (unbegun)
      throw new DomainError(
        'budget-spent',
        `The allowance is spent before the first step of ${unbegun.name}: give the run more time.`,
      );
    return 'budget';
  };

  const evaluate = async (due: readonly Task[]): Promise<void> => {
    evaluation ??= await createEvalStep(model, options);
    const step = evaluation;
    const seen = (task: Task): ReadonlyMap<string, Float32Array> =>
      isDone(task) ? asWritten(task.parameters, outputDtype(task.spec, task.run)) : task.parameters;
    const { rows, owners } = joined(due, tasks, (task) => task.run.evalRows);
    const values = valuesOf(tasks, seen);
    const scores = await scoreRows(
      { run: (given, batch) => step.run(given, ofTasks(batch, owners)) },
      values,
      rows,
      shape,
      () => {
        if (context.stopRequested() || wall.isReached()) throw new Interrupted();
      },
    );
    for (const task of due) {
      const own = owners.flatMap((owner, row) => (tasks[owner] === task ? [row] : []));
      const total = (counts: ArrayLike<number>): number => own.reduce((sum, row) => sum + (counts[row] as number), 0);
      const labels = total(scores.labels);
      const line = { evalLoss: total(scores.lossSums) / labels, evalTokenAccuracy: total(scores.correct) / labels };
      await task.metrics.append({ step: task.state.step, ...line });
      const { evalLoss: loss, evalTokenAccuracy: tokenAccuracy } = line;
      context.emit({ type: 'eval', task: task.name, step: task.state.step, loss, tokenAccuracy });
      task.state = { ...task.state, evaluatedStep: task.state.step };
    }
  };

  try {
    const begun = await commonCheckpoints(
      prepared.map(({ run: { folders, plan, model: own } }) => ({
        folder: folders.checkpoints,
        steps: plan.steps,
        method: requireMethod(own),
      })),
    );
    for (const [i, task] of prepared.entries()) tasks.push(await openTask(task, begun[i], stepPlan));
    for (const task of tasks) emitRun(task, stepPlan, context);
    const values = valuesOf(tasks, (task) => task.parameters);
    let savedAt = context.now();
    let [stepSeconds, saveSeconds] = [0, 0];
    let stoppedBy: 'budget' | undefined;
    for (;;) {
      const due = tasks.filter(
        (task) => task.run.evalRows.length > 0 && task.state.evaluatedStep !== task.state.step && isLookedAt(task),
      );
      const isCut = due.length > 0 && (await interrupted(() => evaluate(due)));
      const going = tasks.filter((task) => !isDone(task));
      const isSpent = going.length > 0 && (context.stopRequested() || wall.isReached(stepSeconds));
      if (isCut || isSpent) {
        stoppedBy = await endEarly();
        break;
      }
      if (going.length === 0) break;

      const startedAt = context.now();
      const { rows, owners } = joined(going, tasks, ({ run, state }) => {
        const { rows: indices } = run.plan.stepAt(state.step);
        return selectRows(run.rows, Int32Array.from(indices));
      });
      const all = indicesUpTo(rows.length);
      const batches = makeBatches(await rows.read(all), all, shape).map((batch) => ofTasks(batch, owners));
      const sums = await accumulateTasks(session, values, batches, tasks.length);
      const found = going.map((task) => gradientsOf(task, tasks.indexOf(task), sums));
      if (!found.every(({ loss, norm }) => Number.isFinite(loss) && Number.isFinite(norm))) throw diverged(tasks);
      for (const one of found) update(one);
      const seconds = (context.now() - startedAt) / 1000;
      stepSeconds = seconds;
      const allTokens = found.reduce((sum, { tokens }) => sum + tokens, 0);
      for (const one of found) await tell(one, (seconds * one.tokens) / allTokens, context);
      context.emit(progressOf(tasks));
      const { everySeconds } = first.spec.checkpoint;
      const interval = checkpointInterval({
        everySeconds,
        stepSeconds,
        saveSeconds,
        allowanceSeconds: wall.allowanceSeconds,
      });
      if (context.now() - savedAt >= interval * 1000) {
        const saveBegan = context.now();
        await saveAll(tasks, context);
        savedAt = context.now();
        saveSeconds = (savedAt - saveBegan) / 1000;
      }
    }
    // results are written one after another: whoever goes on after the first of them trains none of the others again
    if (!stoppedBy) await saveAll(tasks, context);
    return new Map(tasks.map((task) => [task.name, trainedWeights(task, stoppedBy)]));
  } finally {
    for (const { metrics } of tasks) await metrics.close();
    await evaluation?.close();
    await session.close();
  }
}

function trainedWeights(task: Task, stoppedBy: 'budget' | undefined): TrainedWeights {
  const { state, spec, run } = task;
  const parameters = asWritten(task.parameters, outputDtype(spec, run));
  // one that had taken all its steps has come to its end
  return { state, parameters, writtenStep: state.step, ...(stoppedBy && !isDone(task) ? { stoppedBy } : {}) };
}

async function openTask(
  prepared: PreparedTask,
  checkpoint: Checkpoint | undefined,
  { memory, microBatchTokens, compute = 'float32' }: ChosenPlan,
): Promise<Task> {
  const { spec, run } = prepared;
  const { config, model, saved, targets, folders } = run;
  invariant(config, 'a task trains an adapter');
  const state: RunState = checkpoint?.state ?? { ...firstState, plan: { memory, microBatchTokens, compute } };
  const optimizer = createAdamW(run.parameters, {
    ...spec.optimizer,
    rateFactors: loraPlusFactors(spec.optimizer, run.schedule.learningRate),
  });
  if (checkpoint) optimizer.restore(state.step, checkpoint.moments);
  const { base } = model;
  const initial = { base, model, saved, config, targets, seed: spec.seed };
  const parameters = checkpoint?.parameters ?? (await initialLora(initial, () => undefined));
  const metrics = await openMetricsLog(folders.metrics, state.metricsBytes);
  return {
    ...prepared,
    state,
    parameters,
    optimizer,
    metrics,
    figures: { loss: NaN, gradientNorm: NaN, learningRate: 0 },
  };
}

/** The values of all tasks under the names that the shared graphs ask for. Where they are those in training, updates are seen at once. */
function valuesOf(
  tasks: readonly Task[],
  parametersOf: (task: Task) => ReadonlyMap<string, Float32Array>,
): ReadonlyMap<string, Float32Array> {
  return new Map(
    tasks.flatMap((task) =>
      [...parametersOf(task)].map(([name, values]) => [ofTask(task.name, name), values] as const),
    ),
  );
}

/** Rows of some tasks in one list, and the index of each row's task among all. */
function joined(
  some: readonly Task[],
  tasks: readonly Task[],
  rowsOf: (task: Task) => TokenRows,
): { readonly rows: TokenRows; readonly owners: readonly number[] } {
  const rows = some.map((task) => rowsOf(task));
  return {
    rows: joinRows(rows),
    owners: some.flatMap((task, i) => Array.from({ length: rows[i]?.length ?? 0 }, () => tasks.indexOf(task))),
  };
}

const isDone = ({ run, state }: Task): boolean => state.step >= run.plan.steps;

function isLookedAt({ spec, run, state }: Task): boolean {
  const every = spec.evaluation.everySteps ?? Math.max(1, Math.ceil(run.plan.steps / 10));
  return state.step % every === 0 || state.step === run.plan.steps;
}

interface TaskGradients {
  readonly task: Task;
  /** Mean over the task's labels in this step. */
  readonly loss: number;
  readonly labels: number;
  readonly tokens: number;
  /** Sums over those labels, under the names of a run by itself. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
  /** Of their mean. */
  readonly norm: number;
}

function gradientsOf(task: Task, index: number, sums: TaskSums): TaskGradients {
  const gradients = new Map(
    task.run.parameters.map(({ name }) => {
      const values = sums.gradients.get(ofTask(task.name, name));
      invariant(values, `there is a gradient for ${name} of ${task.name}`);
      return [name, values] as const;
    }),
  );
  const [labels = 0, tokens = 0, losses = 0] = [sums.labels[index], sums.tokens[index], sums.losses[index]];
  invariant(labels > 0, 'a step has labels of each task');
  return { task, loss: losses / labels, labels, tokens, gradients, norm: globalNorm(gradients) / labels };
}

/** One step of a task's own optimizer, which makes means of the sums. */
function update({ task, loss, labels, gradients, norm: gradientNorm }: TaskGradients): void {
  const { spec, run, state, optimizer, parameters } = task;
  const learningRate = learningRateAt(run.schedule, state.step);
  optimizer.update(parameters, gradients, learningRate, clipScale(gradientNorm, spec.optimizer.clipNorm) / labels);
  task.figures = { loss, gradientNorm, learningRate };
}

async function tell(
  { task, tokens, labels }: TaskGradients,
  seconds: number,
  { emit }: Pick<JobContext, 'emit'>,
): Promise<void> {
  const { state, run, name } = task;
  const { epoch } = run.plan.stepAt(state.step);
  const step = state.step + 1;
  task.state = { ...state, step, tokens: state.tokens + tokens, seconds: state.seconds + seconds };
  const figures = { step, epoch, ...task.figures, tokensPerSecond: tokens / seconds };
  await task.metrics.append({ ...figures, labels, tokens });
  const { steps } = run.plan;
  const secondsLeft = (task.state.seconds / step) * (steps - step);
  emit({ type: 'step', task: name, ...figures, steps, secondsLeft });
}

/** Of all tasks after the same pass; told when the last one stands. */
async function saveAll(tasks: readonly Task[], { emit }: Pick<JobContext, 'emit'>): Promise<void> {
  const paths: string[] = [];
  for (const task of tasks) paths.push(await save(task));
  const [path = '', ...others] = paths;
  emit({ type: 'checkpoint', step: Math.max(...tasks.map(({ state }) => state.step)), path, others });
}

async function save(task: Task): Promise<string> {
  const { run, spec } = task;
  task.state = { ...task.state, metricsBytes: await task.metrics.flush() };
  const content = { state: task.state, parameters: task.parameters, moments: task.optimizer.moments };
  const method = requireMethod(run.model);
  // the one before must stand until all tasks have a newer one
  const keep = Math.max(2, spec.checkpoint.keep);
  return writeCheckpoint(run.folders.checkpoints, content, method, run.identity, keep);
}

function emitRun({ name, run, state }: Task, stepPlan: ChosenPlan, { emit }: Pick<JobContext, 'emit'>): void {
  const { plan, rows, evalRows, labels: trainedTokens, parameters } = run;
  emit({
    type: 'run',
    task: name,
    firstStep: state.step + 1,
    steps: plan.steps,
    rows: rows.length,
    evalRows: evalRows.length,
    tokens: rows.inputLengths.reduce((sum, length) => sum + length, 0),
    trainedTokens,
    trainableParameters: parameters.reduce((sum, { shape }) => sum + shapeSize(shape), 0),
    memory: planText(stepPlan),
  });
}

function progressOf(tasks: readonly Task[]): Parameters<JobContext['emit']>[0] {
  const total = (count: (task: Task) => number): number => tasks.reduce((sum, task) => sum + count(task), 0);
  const losses = tasks.map(({ name, figures }) => `${name} ${figures.loss.toFixed(3)}`).join(', ');
  const counts = { done: total(({ state }) => state.step), total: total(({ run }) => run.plan.steps) };
  return { type: 'progress', stage: `train (${losses})`, ...counts, unit: 'steps' };
}

/** What is infinite in one task reaches the others, which go through the model with it and multiply it by zero: the largest factors tell whose it is. */
function diverged(tasks: readonly Task[]): DomainError {
  const sizes = tasks.map((task) => ({ task, size: largestOf(task.parameters) }));
  const { task } = sizes.reduce((largest, one) => (one.size > largest.size ? one : largest));
  const { name, state, run } = task;
  return new DomainError(
    'diverged',
    `A loss or a gradient is not a finite number: a task has diverged, by the size of its factors ${name}, before its step ${state.step + 1}. Lower its learning rate (${run.schedule.learningRate}) or take it out; its last checkpoint, if there is one, is in ${run.folders.checkpoints}. The other tasks go on from theirs.`,
  );
}

/** Infinite where a value is no number. */
function largestOf(parameters: ReadonlyMap<string, Float32Array>): number {
  let largest = 0;
  for (const values of parameters.values())
    for (const value of values) largest = Math.max(largest, Number.isFinite(value) ? Math.abs(value) : Infinity);
  return largest;
}

async function interrupted(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Interrupted) return true;
    throw error;
  }
}

/** Leaves the middle of an evaluation; never seen outside. */
class Interrupted extends Error {}
