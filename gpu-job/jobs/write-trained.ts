import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ForgettingReport, TrainReport } from '../../shared/contract/reports.ts';
import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { invariant, type Finding } from '../../shared/errors.ts';
import { decodeToFloat32, encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import { convertedConfig } from '../../shared/methods/converted-config.ts';
import { loraScaling, type LoraConfig } from '../../shared/methods/lora.ts';
import { writeAdapterFolder, type LoraAdapter, type LoraModule } from '../folders/adapter.ts';
import { writeModelFolder } from '../folders/write-model.ts';
import { convertedModule } from '../methods/converted-module.ts';
import { doraMagnitude } from '../methods/dora.ts';
import { loraInitialisation } from '../methods/initialisations.ts';
import { initialName, loraA, loraB } from '../methods/lora-variant.ts';
import type { Parameter } from '../methods/method.ts';
import { requireMethod } from '../methods/tuned-model.ts';
import type { RunState } from '../training/checkpoint.ts';
import { keptSteps } from '../training/kept-checkpoints.ts';
import type { MetricsLine } from '../training/metrics-log.ts';
import { datasetShares } from './dataset-shares.ts';
import { hashFiles, recipeFileName, type TrainingRecipe } from './finished-run.ts';
import type { PreparedTraining } from './prepare-training.ts';
import { trainingCard } from './training-card.ts';

/** The type in which a run's tensors are written: the spec's, else f32 for an adapter and the base's own for a whole model. */
export function outputDtype(spec: SettledTrainSpec, { model }: PreparedTraining): FloatDtype {
  const names = { f32: 'F32', bf16: 'BF16', f16: 'F16' } as const;
  if (spec.outputDtype) return names[spec.outputDtype];
  if (spec.method.kind === 'lora') return 'F32';
  const own = model.base.config['torch_dtype'] ?? model.base.config['dtype'];
  return own === 'bfloat16' ? 'BF16' : own === 'float16' ? 'F16' : 'F32';
}

/** The values that a reader of the written files gets: rounded to the written type. */
export function asWritten(
  parameters: ReadonlyMap<string, Float32Array>,
  dtype: FloatDtype,
): ReadonlyMap<string, Float32Array> {
  if (dtype === 'F32') return parameters;
  const rounded = (values: Float32Array): Float32Array => decodeToFloat32(dtype, encodeFromFloat32(dtype, values));
  return new Map([...parameters].map(([name, values]) => [name, rounded(values)]));
}

/** What a run has come to. */
export interface TrainedWeights {
  readonly state: RunState;
  /** As a reader of the written files gets them. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** After which step they stood. */
  readonly writtenStep: number;
  /** Absent: it came to its end. */
  readonly stoppedBy?: 'budget';
  readonly forgetting?: ForgettingReport;
}

/** Writes the result of a run with its card, metrics and recipe, and reports it. */
export async function writeTrained(
  spec: SettledTrainSpec,
  run: PreparedTraining,
  trained: TrainedWeights,
): Promise<TrainReport> {
  const { parameters } = trained;
  const metrics = await readFile(run.folders.metrics, 'utf8');
  const report = reportOf(spec, run, trained, parseLines(metrics));
  const recipe: TrainingRecipe = { spec: portableSpec(spec), content: run.identity.content, report };
  const dtype = outputDtype(spec, run);
  const readme = trainingCard(spec, run, report);
  const files = {
    'metrics.jsonl': metrics,
    [recipeFileName]: `${JSON.stringify(recipe, undefined, 2)}\n`,
  };
  if (run.config)
    await writeAdapterFolder(spec.output, trainedAdapter(run.config, run, parameters), { dtype, readme, files });
  else {
    const tensors = run.parameters.map(({ name, shape }) => ({ name, shape, values: valuesOf(parameters, name) }));
    const model = { base: spec.base, config: run.model.base.config, tensors, dtype };
    await writeModelFolder(spec.output, { ...model, files: { ...files, 'README.md': readme } });
  }
  return { ...report, output: spec.output, files: await hashFiles(spec.output) };
}

function reportOf(
  spec: SettledTrainSpec,
  { plan, rows, evalRows, parameters, warnings, start, parts }: PreparedTraining,
  { state, writtenStep, stoppedBy, forgetting }: TrainedWeights,
  lines: readonly MetricsLine[],
): TrainReport {
  const steps = lines.filter((line) => 'loss' in line);
  const evals = lines.filter((line) => 'evalLoss' in line);
  // where the allowance was spent, nobody may have looked at what is written
  const evalOfWritten = evals.findLast(({ step }) => step === writtenStep);
  const last = steps.slice(-Math.max(1, Math.round(steps.length / 10)));
  const labels = sum(last.map((line) => line.labels));
  return {
    kind: 'train',
    output: basename(spec.output),
    method: spec.method.kind,
    ...(start ? { from: { name: start.name, keepsMoments: start.optimizer !== undefined } } : {}),
    steps: state.step,
    endedEarly: state.step < plan.steps,
    ...(stoppedBy ? { stoppedBy } : {}),
    writtenStep,
    ...(spec.keep ? { checkpoints: keptSteps(spec.keep, state) } : {}),
    skippedSteps: state.skippedSteps,
    epochs: plan.stepAt(state.step - 1).epoch + 1,
    rows: rows.length,
    evalRows: evalRows.length,
    ...(parts ? { datasets: datasetShares(spec, plan, { parts, rows, steps: state.step }) } : {}),
    tokens: state.tokens,
    trainableParameters: sum(parameters.map(({ shape }) => shape.reduce((product, dim) => product * dim, 1))),
    trainLoss: sum(last.map((line) => line.loss * line.labels)) / labels,
    evalLossBefore: evals[0]?.evalLoss ?? null,
    evalLoss: evalOfWritten?.evalLoss ?? null,
    evalTokenAccuracyBefore: evals[0]?.evalTokenAccuracy ?? null,
    evalTokenAccuracy: evalOfWritten?.evalTokenAccuracy ?? null,
    seconds: state.seconds,
    tokensPerSecond: state.tokens / state.seconds,
    ...(state.plan ? { plan: state.plan } : {}),
    ...(forgetting ? { forgetting } : {}),
    samples: lines.flatMap((line) =>
      'sample' in line ? [{ step: line.step, prompt: line.prompt, text: line.sample }] : [],
    ),
    files: {},
    warnings: stoppedBy ? [...warnings, spent(state.step, plan.steps)] : warnings,
  };
}

const spent = (step: number, steps: number): Finding => ({
  severity: 'warning',
  code: 'budget-spent',
  message: `its allowance was spent after step ${step} of ${steps}: what is written is what it had learnt by then`,
});

/** We wrote these lines. */
function parseLines(metrics: string): MetricsLine[] {
  return metrics
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as MetricsLine);
}

/** The adapter of a run, on the base as it is: converted where its first factors were taken from the base. */
function trainedAdapter(
  config: LoraConfig,
  { model, saved }: Pick<PreparedTraining, 'model' | 'saved'>,
  parameters: ReadonlyMap<string, Float32Array>,
): Omit<LoraAdapter, 'modules' | 'warnings'> & { readonly modules: readonly LoraModule[] } {
  const { module: input } = model.embeddings.input;
  const modules = loraModules(config, requireMethod(model).parameters, parameters).map((own) =>
    own.module === input ? { ...own, kind: 'embedding' as const } : own,
  );
  const copies = new Map(saved.map(({ name, shape }) => [name, { shape, values: valuesOf(parameters, name) }]));
  if (!loraInitialisation(config.init_lora_weights).takesFromBase) return { config, modules, copies };
  const converted = modules.map((own) => {
    const [A, B] = [loraA(own.module), loraB(own.module)].map((name) => valuesOf(parameters, initialName(name)));
    return convertedModule(own, { A: A as Float32Array, B: B as Float32Array }); // one for each name
  });
  return { config: convertedConfig(config), modules: converted, copies };
}

function loraModules(
  config: LoraConfig,
  shapes: readonly Parameter[],
  parameters: ReadonlyMap<string, Float32Array>,
): LoraModule[] {
  const sizes = new Map(shapes.map(({ name, shape }) => [name, shape]));
  return shapes.flatMap(({ name, shape: [r = 0, inFeatures = 0] }) => {
    if (!name.endsWith(loraA(''))) return [];
    const module = name.slice(0, -loraA('').length);
    const [outFeatures = 0] = sizes.get(loraB(module)) ?? [];
    const scaling = loraScaling(config, module, r);
    return [
      {
        module,
        r,
        inFeatures,
        outFeatures,
        scaling,
        A: valuesOf(parameters, name),
        B: valuesOf(parameters, loraB(module)),
        ...(config.use_dora ? { magnitude: valuesOf(parameters, doraMagnitude(module)) } : {}),
      },
    ];
  });
}

function valuesOf(parameters: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const values = parameters.get(name);
  invariant(values, `there are values for ${name}`);
  return values;
}

/** The spec without the places of one machine: last names of files and folders only. */
function portableSpec({ data, evaluation, ...spec }: SettledTrainSpec): Record<string, unknown> {
  const { general } = evaluation;
  return {
    ...spec,
    evaluation: {
      ...evaluation,
      ...(general?.data === undefined ? {} : { general: { ...general, data: basename(general.data) } }),
    },
    base: basename(spec.base),
    output: basename(spec.output),
    data: {
      ...data,
      train: basename(data.train),
      ...(data.mix ? { mix: data.mix.map((part) => ({ ...part, rows: basename(part.rows) })) } : {}),
      ...(data.eval === undefined ? {} : { eval: basename(data.eval) }),
    },
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
