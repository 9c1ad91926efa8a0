import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { EvaluateReport, GenerateReport, TrainReport } from '../../shared/contract/reports.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { openBaseText } from '../../gpu-job/jobs/base-text.ts';
import { runJob } from '../../gpu-job/main.ts';
import { tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { allPassed, judge, variants, type Matrix, type Pairing, type Score, type Variant } from './exit-rules.ts';
import { prepareTask, type PreparedTask, type TaskSource } from './prepare-task.ts';
import { hashOutputs } from './hash-outputs.ts';
import type { DemoResult, DemoTaskResult, Sample } from './demo-result.ts';
import { promptOf, wordsOf } from './task-rows.ts';
import { trainAdapter, type RunSpec } from './train-adapter.ts';

export interface DemoInput {
  /** Folder of the base. */
  readonly base: string;
  readonly sources: readonly [TaskSource, TaskSource];
  readonly shuffleLabels: boolean;
  readonly trainTokens: number | undefined;
  /** Whether both tasks are known to have one right answer a question: see `judge`. */
  readonly pairingBinds: boolean;
  /** Folder for everything that is made; emptied first. */
  readonly output: string;
  readonly stop: AbortSignal;
}

export interface DemoView {
  stage(text: string): void;
  note(text: string): void;
  show(event: JobEvent): void;
}

/** Rows longer than this would be slow to train on a CPU, whatever the base allows. */
const contextTokensMax = 1024;
const samplesPerTask = 3;

/** Trains two adapters, composes them, merges the composite, and measures all of them on both tasks. */
export async function runDemo(input: DemoInput, view: DemoView): Promise<DemoResult> {
  const startedAt = performance.now();
  const { base, output, stop } = input;
  await rm(output, { recursive: true, force: true });
  const runSpec: RunSpec = (spec, onEvent) =>
    runJob(parseSpec(spec), {
      stop,
      onEvent(event) {
        view.show(event);
        onEvent?.(event);
      },
    });

  view.stage('reading base and data');
  const { parameters, contextTokens, tasks } = await prepare(input);
  for (const { name, tooLong } of tasks)
    if (tooLong > 0) view.note(`${name}: ${tooLong} rows over ${contextTokens} tokens are left out`);

  const folders = {
    adapter1: join(output, 'adapter-1'),
    adapter2: join(output, 'adapter-2'),
    composite: join(output, 'composite'),
    merged: join(output, 'merged'),
  };
  const train = async (task: PreparedTask, folder: string): Promise<TrainReport> => {
    view.stage(`training an adapter on ${task.name}: ${task.plan.trainTokens.toLocaleString('en')} tokens`);
    return trainAdapter({ base, ...task.files, output: folder }, task.plan, contextTokens, {
      runSpec,
      remove: (path) => rm(path, { recursive: true, force: true }),
      note: (text) => view.note(text),
    });
  };
  const training = [await train(tasks[0], folders.adapter1), await train(tasks[1], folders.adapter2)] as const;

  view.stage('composing the two adapters (cat, weights 1 and 1)');
  const members = [{ adapter: folders.adapter1 }, { adapter: folders.adapter2 }];
  await runSpec({ kind: 'compose', type: 'cat', members, output: folders.composite });
  view.stage('merging the composite into the base (f32)');
  await runSpec({ kind: 'merge', base, adapter: folders.composite, dtype: 'f32', output: folders.merged });

  const models: Readonly<Record<Variant, { base: string; adapter?: string }>> = {
    base: { base },
    adapter1: { base, adapter: folders.adapter1 },
    adapter2: { base, adapter: folders.adapter2 },
    composite: { base, adapter: folders.composite },
    merged: { base: folders.merged },
  };
  const evaluate = async (model: Variant, data: string): Promise<EvaluateReport> =>
    // the report of an evaluate spec
    (await runSpec({
      kind: 'evaluate',
      ...models[model],
      data,
      contextTokens,
      longRows: 'split',
      bootstrapSamples: 100,
    })) as EvaluateReport;
  view.stage(`measuring ${variants.length} models on ${tasks[0].name} and ${tasks[1].name}`);
  const measured = await measure(tasks, evaluate);
  view.stage('asking them');
  const samples = [
    await ask(tasks[0], { ...models, adapter: models.adapter1 }, runSpec, contextTokens),
    await ask(tasks[1], { ...models, adapter: models.adapter2 }, runSpec, contextTokens),
  ] as const;

  const names = [tasks[0].name, tasks[1].name] as const;
  const verdicts = judge(measured.matrix, names, measured.pairings, input);
  const taskResult = (i: 0 | 1): DemoTaskResult => ({
    name: tasks[i].name,
    trainRows: tasks[i].trainRows,
    heldOutRows: tasks[i].heldOut.length,
    rowsLeftOut: tasks[i].tooLong,
    tokensTrained: training[i].tokens,
    trainableParameters: training[i].trainableParameters,
    steps: training[i].steps,
    majorityExact: measured.majority[i],
    dealtLoss: measured.pairings[i].dealt ?? null,
    samples: samples[i],
  });
  const { matrix } = measured;
  const differences = ([0, 1] as const).map((i) => matrix.merged[i].loss - matrix.composite[i].loss);
  return {
    passed: allPassed(verdicts),
    verdicts,
    base,
    baseParameters: parameters,
    shuffledLabels: input.shuffleLabels,
    tasks: [taskResult(0), taskResult(1)],
    matrix,
    baseLoss: [matrix.base[0].loss, matrix.base[1].loss],
    adapterLoss: [matrix.adapter1[0].loss, matrix.adapter2[1].loss],
    otherAdapterLoss: [matrix.adapter2[0].loss, matrix.adapter1[1].loss],
    compositeLoss: [matrix.composite[0].loss, matrix.composite[1].loss],
    mergedLoss: [matrix.merged[0].loss, matrix.merged[1].loss],
    mergedMinusAdapted: differences.reduce((most, difference) =>
      Math.abs(difference) > Math.abs(most) ? difference : most,
    ),
    folders,
    files: await hashOutputs(output, Object.values(folders)),
    seconds: (performance.now() - startedAt) / 1000,
  };
}

async function prepare({ base, sources, output, shuffleLabels, trainTokens }: DemoInput) {
  const model = tunedModel(await openBaseModel(base));
  const parameters = model.tensors.reduce((total, { shape }) => total + shape.reduce((size, dim) => size * dim, 1), 0);
  const contextTokens = Math.min(contextTokensMax, model.spec.maxPositions);
  const text = await openBaseText(base);
  try {
    const options = { text, contextTokens, parameters, trainTokens, shuffleLabels };
    const tasks = [
      await prepareTask(sources[0], { ...options, folder: join(output, 'data', '1') }),
      await prepareTask(sources[1], { ...options, folder: join(output, 'data', '2') }),
    ] as const;
    return { parameters, contextTokens, tasks };
  } finally {
    await text.close();
  }
}

async function measure(
  tasks: readonly [PreparedTask, PreparedTask],
  evaluate: (model: Variant, data: string) => Promise<EvaluateReport>,
): Promise<{ matrix: Matrix; pairings: [Pairing, Pairing]; majority: [number, number] }> {
  const scores: Partial<Record<Variant, readonly [Score, Score]>> = {};
  let majority: [number, number] = [0, 0];
  for (const variant of variants) {
    const first = await evaluate(variant, tasks[0].files.heldOut);
    const second = await evaluate(variant, tasks[1].files.heldOut);
    majority = [first.majorityBaseline, second.majorityBaseline];
    scores[variant] = [scoreOf(first), scoreOf(second)];
  }
  const matrix = scores as Matrix; // the loop went over every variant
  const pairing = async (i: 0 | 1): Promise<Pairing> => {
    const adapter = i === 0 ? 'adapter1' : 'adapter2';
    const { dealt } = tasks[i].files;
    const own = matrix[adapter][i].loss;
    return { own, dealt: dealt === undefined ? undefined : (await evaluate(adapter, dealt)).loss.value };
  };
  return { matrix, pairings: [await pairing(0), await pairing(1)], majority };
}

const scoreOf = ({ loss, exactMatch, tokenAccuracy }: EvaluateReport): Score => ({
  loss: loss.value,
  exact: exactMatch.value,
  tokenAccuracy: tokenAccuracy.value,
});

/** What base, adapter and composite say to the first held-out rows. */
async function ask(
  task: PreparedTask,
  models: Readonly<Record<'base' | 'adapter' | 'composite', { base: string; adapter?: string }>>,
  runSpec: RunSpec,
  contextTokens: number,
): Promise<Sample[]> {
  const rows = task.heldOut.filter(({ tokens }) => tokens < contextTokens).slice(0, samplesPerTask);
  if (rows.length === 0) return [];
  const answers = async (model: 'base' | 'adapter' | 'composite'): Promise<string[]> => {
    const spec = { kind: 'generate', ...models[model], prompts: rows.map(promptOf), maxNewTokens: 24 };
    return ((await runSpec(spec)) as GenerateReport).texts.map(({ text }) => text); // the report of a generate spec
  };
  const [base, adapter, composite] = [await answers('base'), await answers('adapter'), await answers('composite')];
  return rows.map((row, i) => {
    const { question, answer } = wordsOf(row);
    return { question, answer, base: base[i] ?? '', adapter: adapter[i] ?? '', composite: composite[i] ?? '' };
  });
}
