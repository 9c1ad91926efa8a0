import { DomainError } from '../../shared/errors.ts';
import type { NamedForm } from '../command.ts';
import { connect } from '../server/connect.ts';
import { readyBase } from '../server/ready-base.ts';
import { startJob } from '../server/start-job.ts';
import { datasetFor } from './dataset-for.ts';
import { splitNamed, textAt } from './named-options.ts';
import { trainDefaults, type TrainFacts } from './train-defaults.ts';

/** `lorary train-tasks` on the server: what was left open is chosen for each task by its rows, and told. */
export const trainTasksOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { rest, options } = splitNamed(spec);
  const { tasks, train, ...settings } = rest as unknown as TasksSpec; // as the table of flags writes it
  if (tasks.length === 0) throw new DomainError('usage', 'The tasks are missing: NAME=FILE, one for each adapter');
  const { base: baseText, method, optimizer, ...shared } = train;
  const api = await connect(io);
  const base = await readyBase(api, textAt(baseText) ?? '', (text) => {
    if (!json) io.note(text);
  });
  const asked: unknown[] = [];
  const datasets: string[] = [];
  for (const { name, data } of tasks) {
    const { train: rows, evalFraction, ...looks } = data;
    const dataset = await datasetFor(api, rows, json, io);
    const facts = { rows: dataset.rows ?? 0, parameters: base.parameters, ...given(train, data) };
    const { r, loraAlpha, learningRate, epochs, evalFraction: chosenFraction, reasons } = trainDefaults(facts);
    if (!json) for (const reason of reasons) io.note(`${name}: ${reason}`);
    const fraction = evalFraction ?? chosenFraction;
    const chosen = { ...(r === undefined ? {} : { r }), ...(loraAlpha === undefined ? {} : { lora_alpha: loraAlpha }) };
    datasets.push(dataset.name);
    asked.push({
      output: { adapter: name },
      dataset: dataset.name,
      ...looks,
      ...(fraction === undefined ? {} : { evalFraction: fraction }),
      method: { ...method, config: { ...chosen, ...method.config } },
      ...(learningRate === undefined ? {} : { optimizer: { learningRate } }),
      ...(epochs === undefined ? {} : { epochs }),
    });
  }
  const request = {
    ...settings,
    train: { ...shared, base: base.name, ...(optimizer ? { optimizer } : {}) },
    tasks: asked,
  };
  const names = { base: [base.name], dataset: datasets };
  return startJob(api, request, { ...options, json, names }, io);
};

interface TasksSpec {
  readonly kind: string;
  readonly tasks: readonly {
    readonly name: string;
    readonly data: { readonly train: string; readonly evalFraction?: unknown };
  }[];
  readonly train: {
    readonly base?: unknown;
    readonly method: { readonly kind: string; readonly config?: Readonly<Record<string, unknown>> };
    readonly optimizer?: { readonly learningRate?: unknown };
    readonly epochs?: unknown;
    readonly steps?: unknown;
  };
}

/** What was asked for and is not chosen. */
function given(
  { method: { config = {} }, optimizer, epochs, steps }: TasksSpec['train'],
  { evalFraction }: TasksSpec['tasks'][number]['data'],
): Pick<TrainFacts, 'given' | 'r'> {
  const { r, lora_alpha: alpha } = config;
  const values = { r, alpha, learningRate: optimizer?.learningRate, length: epochs ?? steps, heldOut: evalFraction };
  const names = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return {
    given: new Set(names as readonly (keyof typeof values)[]), // keys of the object above
    ...(typeof r === 'number' ? { r } : {}),
  };
}
