import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluateReport } from '../../shared/contract/reports.ts';
import type { Prompt } from '../../shared/contract/specs/spec-fields.ts';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { openBaseText } from '../../gpu-job/jobs/base-text.ts';
import { tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { allPassed, judge, variants, type Matrix, type Pairing, type Score, type Variant } from './exit-rules.ts';
import { prepareTask, type PreparedTask, type TaskSource } from './prepare-task.ts';
import { hashOutputs } from './hash-outputs.ts';
import { demoPlatform, downloadFolders, type DemoPlatform, type DemoView, type ModelName } from './demo-platform.ts';
import { reachServer, startDemoServer } from './demo-server.ts';
import type { DemoResult, DemoTaskResult, Sample } from './demo-result.ts';
import { promptOf, wordsOf } from './task-rows.ts';
import { trainAdapter, type TrainedAdapter } from './train-adapter.ts';

export interface DemoInput {
  /** Address of a server that runs already; undefined: one is started here. */
  readonly server: string | undefined;
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

/** Rows longer than this would be slow to train on a CPU, whatever the base allows. */
const contextTokensMax = 1024;
const samplesPerTask = 3;
const answerTokensMax = 24;

/** Trains two adapters, composes them, merges the composite, and measures all of them on both tasks: all of it through the platform's API. */
export async function runDemo(input: DemoInput, view: DemoView): Promise<DemoResult> {
  const { output, base, stop } = input;
  await rm(output, { recursive: true, force: true });
  const server =
    input.server === undefined
      ? await startDemoServer({ folder: join(output, 'platform'), base, note: (text) => view.note(text) })
      : await reachServer(input.server, process.env);
  view.stage(`the platform serves at ${server.api.url}`);
  try {
    return await runOn(demoPlatform(server, { stop, view }), server.prefix, input, view);
  } finally {
    await server.stop();
  }
}

async function runOn(platform: DemoPlatform, prefix: string, input: DemoInput, view: DemoView): Promise<DemoResult> {
  const startedAt = performance.now();
  const { output } = input;
  view.stage('reading base and data');
  const { parameters, contextTokens, tasks } = await prepare(input);
  for (const { name, tooLong } of tasks)
    if (tooLong > 0) view.note(`${name}: ${tooLong} rows over ${contextTokens} tokens are left out`);
  view.stage(`sending base and datasets to the platform${prefix === '' ? '' : `; all names begin with ${prefix}`}`);
  const named = (name: string): string => `${prefix}${name}`;
  const base = await platform.addBase(named('base'), input.base);
  const data = [
    await sendTask(platform, tasks[0], named('task-1')),
    await sendTask(platform, tasks[1], named('task-2')),
  ] as const;

  const train = async (i: 0 | 1): Promise<TrainedAdapter> => {
    const { name, plan } = tasks[i];
    view.stage(`training an adapter on ${name}: ${plan.trainTokens.toLocaleString('en')} tokens`);
    return trainAdapter({ base, dataset: data[i].train, validation: data[i].validation }, plan, contextTokens, {
      train: (request, onEvent) => platform.train(named(`adapter-${i + 1}`), request, onEvent),
      note: (text) => view.note(text),
    });
  };
  const trained = [await train(0), await train(1)] as const;
  const training = [trained[0].report, trained[1].report] as const;
  const adapter1 = { adapter: named('adapter-1'), version: trained[0].version };
  const adapter2 = { adapter: named('adapter-2'), version: trained[1].version };

  view.stage('composing the two adapters (cat, weights 1 and 1)');
  const composed = await platform.compose(named('composite'), [adapter1, adapter2]);
  const composite = { adapter: named('composite'), version: composed.version };
  view.stage('merging the composite into the base (f32)');
  await platform.merge(named('merged'), composite);

  const models: Readonly<Record<Variant, ModelName>> = {
    base: { base },
    adapter1,
    adapter2,
    composite,
    merged: { base: named('merged') },
  };
  const evaluate = (model: Variant, dataset: string): Promise<EvaluateReport> =>
    platform.evaluate({
      kind: 'evaluate',
      base,
      ...models[model],
      dataset,
      contextTokens,
      longRows: 'split',
      bootstrapSamples: 100,
    });
  view.stage(`measuring ${variants.length} models on ${tasks[0].name} and ${tasks[1].name}`);
  const measured = await measure(data, evaluate);
  view.stage('asking them');
  const samples = [
    await ask(platform, tasks[0], { ...models, adapter: models.adapter1 }, contextTokens),
    await ask(platform, tasks[1], { ...models, adapter: models.adapter2 }, contextTokens),
  ] as const;
  view.stage('fetching what was made, every file checked against its SHA-256');
  const folders = downloadFolders(output);
  for (const variant of ['adapter1', 'adapter2', 'composite', 'merged'] as const)
    await platform.download(models[variant], folders[variant]);

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
    base: input.base,
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

/** Names of the datasets of a task. */
interface TaskData {
  readonly train: string;
  readonly validation: string | undefined;
  readonly heldOut: string;
  readonly dealt: string | undefined;
}

async function sendTask(platform: DemoPlatform, { files }: PreparedTask, prefix: string): Promise<TaskData> {
  const optional = async (name: string, path: string | undefined): Promise<string | undefined> =>
    path === undefined ? undefined : platform.addDataset(`${prefix}-${name}`, path);
  return {
    train: await platform.addDataset(`${prefix}-train`, files.train),
    validation: await optional('validation', files.validation),
    heldOut: await platform.addDataset(`${prefix}-held-out`, files.heldOut),
    dealt: await optional('dealt', files.dealt),
  };
}

async function measure(
  data: readonly [TaskData, TaskData],
  evaluate: (model: Variant, dataset: string) => Promise<EvaluateReport>,
): Promise<{ matrix: Matrix; pairings: [Pairing, Pairing]; majority: [number, number] }> {
  const scores: Partial<Record<Variant, readonly [Score, Score]>> = {};
  let majority: [number, number] = [0, 0];
  for (const variant of variants) {
    const first = await evaluate(variant, data[0].heldOut);
    const second = await evaluate(variant, data[1].heldOut);
    majority = [first.majorityBaseline, second.majorityBaseline];
    scores[variant] = [scoreOf(first), scoreOf(second)];
  }
  const matrix = scores as Matrix; // the loop went over every variant
  const pairing = async (i: 0 | 1): Promise<Pairing> => {
    const adapter = i === 0 ? 'adapter1' : 'adapter2';
    const { dealt } = data[i];
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
  platform: DemoPlatform,
  task: PreparedTask,
  models: Readonly<Record<'base' | 'adapter' | 'composite', ModelName>>,
  contextTokens: number,
): Promise<Sample[]> {
  const rows = task.heldOut.filter(({ tokens }) => tokens < contextTokens).slice(0, samplesPerTask);
  if (rows.length === 0) return [];
  // rows were parsed as prompts or conversations before
  const prompts = rows.map((row) => promptOf(row) as Prompt);
  const answers = (model: 'base' | 'adapter' | 'composite'): Promise<string[]> =>
    platform.generate(models[model], prompts, answerTokensMax);
  const [base, adapter, composite] = [await answers('base'), await answers('adapter'), await answers('composite')];
  return rows.map((row, i) => {
    const { question, answer } = wordsOf(row);
    return { question, answer, base: base[i] ?? '', adapter: adapter[i] ?? '', composite: composite[i] ?? '' };
  });
}
