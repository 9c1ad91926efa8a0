import { DomainError } from '../../shared/errors.ts';
import type { NamedForm } from '../command.ts';
import { connect } from '../server/connect.ts';
import { nameOfFile } from '../server/name-of-file.ts';
import { readyBase } from '../server/ready-base.ts';
import { startJob } from '../server/start-job.ts';
import { datasetFor } from './dataset-for.ts';
import { splitNamed, textAt } from './named-options.ts';
import { trainDefaults } from './train-defaults.ts';

/** `lorary sweep` on the server: what no run has of its own is chosen by the rows, and told. */
export const sweepOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { rest, options } = splitNamed(spec);
  const { train, over = {}, output, ...settings } = rest as unknown as SweepSpec; // as the table of flags writes it
  const { base: baseText, data = {}, method, ...shared } = train;
  const { train: rowsText, eval: evalText, evalFraction, ...looks } = data;
  if (rowsText === undefined) throw new DomainError('usage', 'The rows to train on are missing: --data FILE');
  const api = await connect(io);
  const base = await readyBase(api, textAt(baseText) ?? '', (text) => {
    if (!json) io.note(text);
  });
  const dataset = await datasetFor(api, rowsText, json, io);
  const held = evalText === undefined ? undefined : await datasetFor(api, evalText, json, io);
  const name = output ?? nameOfFile(rowsText);
  if (name === undefined)
    throw new DomainError('usage', `No name can be made from ${rowsText}: give one with --output NAME`);
  const given = {
    r: over.r,
    alpha: over.lora_alpha,
    learningRate: over.learningRate,
    heldOut: evalText ?? evalFraction,
  };
  const length = shared['epochs'] ?? shared['steps'];
  const names = Object.entries({ ...given, length }).flatMap(([key, value]) => (value === undefined ? [] : [key]));
  const chosen = trainDefaults({
    rows: dataset.rows ?? 0,
    parameters: base.parameters,
    // where ranks are tried, one alpha for all would be twice one of them
    given: new Set([...names, ...(over.r === undefined ? [] : ['alpha'])] as readonly ('r' | 'alpha')[]),
  });
  if (!json) for (const reason of chosen.reasons) io.note(reason);
  const { r, loraAlpha, learningRate, epochs, evalFraction: chosenFraction } = chosen;
  const fraction = held ? undefined : (evalFraction ?? chosenFraction);
  const config = { ...(r === undefined ? {} : { r }), ...(loraAlpha === undefined ? {} : { lora_alpha: loraAlpha }) };
  const request = {
    ...settings,
    over,
    output: { adapter: name },
    train: {
      ...shared,
      ...looks,
      base: base.name,
      dataset: dataset.name,
      method: { ...method, config },
      ...(learningRate === undefined ? {} : { optimizer: { learningRate } }),
      ...(epochs === undefined ? {} : { epochs }),
      ...(held ? { evalDataset: held.name } : {}),
      ...(fraction === undefined ? {} : { evalFraction: fraction }),
    },
  };
  const known = { base: [base.name], dataset: [dataset.name, ...(held ? [held.name] : [])] };
  return startJob(api, request, { ...options, json, names: known }, io);
};

interface SweepSpec {
  readonly kind: string;
  readonly output?: string;
  readonly over?: {
    readonly r?: unknown;
    readonly lora_alpha?: unknown;
    readonly learningRate?: unknown;
  };
  readonly train: Readonly<Record<string, unknown>> & {
    readonly base?: unknown;
    readonly method: object;
    readonly data?: {
      readonly train?: string;
      readonly eval?: string;
      readonly evalFraction?: unknown;
    };
  };
}
