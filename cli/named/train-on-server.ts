import { getAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { Dataset } from '../../shared/contract/datasets.ts';
import { presetNames, presetOf, withPreset } from '../../shared/contract/specs/train-presets.ts';
import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { DomainError } from '../../shared/errors.ts';
import { valueAt } from '../build-spec.ts';
import type { NamedForm } from '../command.ts';
import { connect } from '../server/connect.ts';
import { nameOfFile } from '../server/name-of-file.ts';
import { readyBase } from '../server/ready-base.ts';
import { startJob } from '../server/start-job.ts';
import { parseVersionName } from '../server/version-name.ts';
import { baseOfAdapter } from './base-of-adapter.ts';
import { datasetFor } from './dataset-for.ts';
import { generalRequest } from './general-request.ts';
import { splitNamed, textAt } from './named-options.ts';
import { trainDefaults, type TrainDefaults } from './train-defaults.ts';

/** `lorary train` on the server: data is sent unless it is there, what was left open is chosen and told, and the run is watched. */
export const trainOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { rest, options } = splitNamed(spec);
  const {
    base: baseText,
    data: dataField,
    output,
    method: methodField,
    optimizer,
    evaluation,
    maxSeconds,
    maxDollars,
    ...settings
  } = rest;
  const data = (dataField ?? {}) as Readonly<Record<string, unknown>>; // an object by the table of flags, as method is
  const { from: fromText, ...method } = methodField as TrainMethod;
  const trainText = textAt(data['train']);
  if (trainText === undefined) throw new DomainError('usage', 'The rows to train on are missing: --data FILE');
  const preset = presetOf(rest['preset']);
  if (rest['preset'] !== undefined && !preset)
    throw new DomainError(
      'usage',
      `There is no preset ${JSON.stringify(rest['preset'])}: one of ${presetNames.join(', ')}`,
    );
  if (method.kind === 'full' && fromText !== undefined)
    throw new DomainError('usage', '--from is for adapters: with --full, --base is the model that is gone on from');
  const from = textAt(fromText) === undefined ? undefined : parseVersionName(textAt(fromText) ?? '');
  const api = await connect(io);
  const baseName = textAt(baseText) ?? (from ? await baseOfAdapter(api, from.adapter) : '');
  const base = await readyBase(api, baseName, (text) => {
    if (!json) io.note(text);
  });
  const dataset = await datasetFor(api, trainText, json, io);
  const mix: { readonly dataset: Dataset; readonly weight?: unknown }[] = [];
  for (const { rows, weight } of (data['mix'] ?? []) as readonly MixedRows[])
    mix.push({ dataset: await datasetFor(api, rows, json, io), ...(weight === undefined ? {} : { weight }) });
  const evalText = textAt(data['eval']);
  const evalDataset = evalText === undefined ? undefined : await datasetFor(api, evalText, json, io);
  const looks = (evaluation ?? {}) as Readonly<Record<string, unknown>>; // as data
  const general = await generalRequest(api, looks['general'], json, io);
  const full = method.kind === 'full';
  const name =
    textAt(output) ?? (from && splitRef(from.adapter).name) ?? (await chooseName(api, trainText, baseName, full));
  const said = withPreset(rest) as TrainRest;
  const chosen = full
    ? { reasons: [] }
    : trainDefaults({
        rows: dataset.rows ?? 0,
        parameters: base.parameters,
        ...given(said, said.method.config, from !== undefined),
      });
  if (!json && output === undefined)
    io.note(`--output ${name}: ${from ? 'a new version of what it goes on from' : 'after the rows'}`);
  const own = preset?.settings.filter(
    ({ path }) => valueAt(rest, path) === undefined && valueAt(said, path) !== undefined,
  );
  if (!json) for (const { path, value, reason } of own ?? []) io.note(`${path} ${value}: ${reason}`);
  if (!json) for (const reason of chosen.reasons) io.note(reason);
  const request = {
    ...settings,
    ...(evaluation === undefined ? {} : { evaluation: { ...looks, ...general } }),
    base: base.name,
    dataset: dataset.name,
    ...(mix.length > 0 ? { mix: mix.map((part) => ({ ...part, dataset: part.dataset.name })) } : {}),
    output: full ? { base: name } : { adapter: name },
    method: full ? method : { ...method, ...from, config: { ...configOf(chosen), ...method.config } },
    ...(optimizer === undefined && chosen.learningRate === undefined
      ? {}
      : { optimizer: { ...rateOf(chosen), ...(optimizer as object | undefined) } }), // an object by the table of flags
    ...(chosen.epochs === undefined ? {} : { epochs: chosen.epochs }),
    ...(evalDataset === undefined ? heldOut(data, chosen) : { evalDataset: evalDataset.name }),
    ...pick(data, ['contextTokens', 'longRows']),
  };
  const names = {
    base: [base.name],
    adapter: from ? [from.adapter] : [],
    dataset: datasetNames(dataset, ...mix.map((part) => part.dataset), evalDataset),
  };
  const budget = {
    ...options.budget,
    ...(maxSeconds === undefined ? {} : { maxSeconds }),
    ...(maxDollars === undefined ? {} : { maxDollars }),
  };
  return startJob(api, request, { ...options, budget, json, names }, io);
};

/** As the table of flags writes it. */
interface TrainRest extends Readonly<Record<string, unknown>> {
  readonly method: TrainMethod;
}

/** As the table of flags writes it. */
interface TrainMethod {
  readonly kind: string;
  readonly from?: unknown;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** As the table of flags writes it. */
interface MixedRows {
  readonly rows: string;
  readonly weight?: unknown;
}

/** The name of the rows; where an adapter of another base has it, with the base's name behind. */
async function chooseName(api: ApiClient, rows: string, base: string, full: boolean): Promise<string> {
  const name = nameOfFile(rows);
  if (name === undefined)
    throw new DomainError('usage', `No name can be made from ${rows}: give one with --output NAME`);
  if (full) return `${base}-${name}`;
  try {
    const there = await api.call(getAdapter, { params: { adapter: name } });
    return there.base === base ? name : `${name}-${base}`;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'not-found') return name;
    throw error;
  }
}

function given(
  rest: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>> = {},
  continues = false,
): Pick<Parameters<typeof trainDefaults>[0], 'given' | 'r'> {
  const data = rest['data'] as Readonly<Record<string, unknown>>;
  const rate = (rest['optimizer'] as { learningRate?: unknown } | undefined)?.learningRate;
  const has = new Set<'r' | 'alpha' | 'learningRate' | 'length' | 'heldOut'>();
  // an adapter that is gone on from knows both
  if (continues || config['r'] !== undefined) has.add('r');
  if (continues || config['lora_alpha'] !== undefined) has.add('alpha');
  if (rate !== undefined) has.add('learningRate');
  if (['epochs', 'steps', 'tokens'].some((name) => rest[name] !== undefined)) has.add('length');
  if (data['eval'] !== undefined || data['evalFraction'] !== undefined) has.add('heldOut');
  return { given: has, ...(typeof config['r'] === 'number' ? { r: config['r'] } : {}) };
}

const configOf = ({ r, loraAlpha }: TrainDefaults): object => ({
  ...(r === undefined ? {} : { r }),
  ...(loraAlpha === undefined ? {} : { lora_alpha: loraAlpha }),
});

const rateOf = ({ learningRate }: TrainDefaults): object => (learningRate === undefined ? {} : { learningRate });

function heldOut(data: Readonly<Record<string, unknown>>, { evalFraction }: TrainDefaults): object {
  const share = data['evalFraction'] ?? evalFraction;
  return share === undefined ? {} : { evalFraction: share };
}

const pick = (from: Readonly<Record<string, unknown>>, names: readonly string[]): object =>
  Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));

const datasetNames = (...datasets: readonly (Dataset | undefined)[]): string[] =>
  datasets.flatMap((dataset) => (dataset ? [dataset.name] : []));
