import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SweepReport, SweepRunReport } from '../../shared/contract/reports.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { sweepRuns, sweepSpecSchema, type SweepSpec } from '../../shared/contract/specs/sweep.ts';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { rankRuns } from '../../shared/domain/rank-runs.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { runSweep } from './sweep.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-sweep-'));
  await writeTinyBase(at('base'));
  const row = (prompt: string): string => JSON.stringify({ prompt, completion: ' meow' });
  await writeFile(at('rows.jsonl'), Array.from({ length: 24 }, (_, i) => row(`${i} cat:`)).join('\n'));
  await writeFile(at('held.jsonl'), Array.from({ length: 6 }, (_, i) => row(`${i} dog:`)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const shared = (): object => ({
  base: at('base'),
  data: { train: at('rows.jsonl'), eval: at('held.jsonl') },
  method: { kind: 'lora', config: { r: 2, lora_alpha: 4 } },
  steps: 4,
  batch: { rows: 8 },
  checkpoint: { everySeconds: 0.001 },
  threads: 1,
});
const specOf = (output: string, settings: object, changes: object = {}): SweepSpec =>
  sweepSpecSchema.parse({ kind: 'sweep', train: { ...shared(), ...changes }, ...settings, output: at(output) });
const over = { over: { r: [2, 4], learningRate: [1e-4, 0.02] } };

test('every combination is a run like one of its own, and the ranking is by held-out loss', async () => {
  const spec = specOf('grid', over);
  expect(sweepRuns(spec).map(({ settings }) => settings)).toEqual([
    { r: 2, learningRate: 1e-4 },
    { r: 2, learningRate: 0.02 },
    { r: 4, learningRate: 1e-4 },
    { r: 4, learningRate: 0.02 },
  ]);
  const report = await runSweep(spec, rememberingContext());
  const losses = report.runs.map(({ evalLoss }) => evalLoss ?? NaN);
  expect(losses).toEqual(losses.toSorted((a, b) => a - b));
  expect(report.runs.map(({ rank }) => rank)).toEqual([1, 2, 3, 4]);
  expect(report.runs[0]).toMatchObject({ name: report.best, settings: { learningRate: 0.02 }, state: 'trained' });
  expect(JSON.parse(await readFile(at('grid/sweep.json'), 'utf8'))).toEqual({ ...report, output: 'grid' });

  const alone = { ...shared(), kind: 'train', output: at('alone'), optimizer: { learningRate: 0.02 } };
  const train = await runTrain(trainSpecSchema.parse(alone), rememberingContext());
  expect(report.runs.find(({ name }) => name === 'run-02')).toMatchObject({
    evalLoss: train.evalLoss,
    trainLoss: train.trainLoss,
  });
  const weights = (place: string): Promise<Buffer> => readFile(at(`${place}/adapter_model.safetensors`));
  expect((await weights('grid/run-02')).equals(await weights('alone'))).toBe(true);
});

test('what was trained already is not trained again; stopped in the middle, it goes on to the same ranking', async () => {
  const trainedAt = (await stat(at('grid/run-01/adapter_model.safetensors'))).mtimeMs;
  const again = await runSweep(specOf('grid', over), rememberingContext());
  expect((await stat(at('grid/run-01/adapter_model.safetensors'))).mtimeMs).toBe(trainedAt);
  expect(again.warnings).toEqual([]);

  const context = rememberingContext();
  const steps = (): number => context.events.filter(({ type }) => type === 'step').length;
  const stopping = { ...context, stopRequested: () => steps() >= 6 };
  await expect(runSweep(specOf('stopped', over), stopping)).rejects.toThrow(UnavailableError);
  expect((await readdir(at('stopped'))).toSorted()).toEqual(['run-01', 'run-02.run', 'runs.json']);
  const rest = rememberingContext();
  const { runs, best } = await runSweep(specOf('stopped', over), rest);
  expect(rest.events.filter(({ type }) => type === 'step')).toHaveLength(4 * 4 - 6);
  const figures = (some: SweepReport['runs']): unknown =>
    some.map(({ name, rank, evalLoss }) => ({ name, rank, evalLoss }));
  expect([best, figures(runs)]).toEqual([again.best, figures(again.runs)]);
});

test('runs that diverge or cannot be run are told with their reasons and do not end the sweep', async () => {
  const runs = [{ learningRate: 1e30 }, { learningRate: 0.02 }, { target_modules: ['nowhere'] }];
  const report = await runSweep(specOf('mixed', { runs }, { optimizer: { clipNorm: 0 } }), rememberingContext());
  expect(report.runs.map(({ name, rank, state }) => [name, rank, state])).toEqual([
    ['run-02', 1, 'trained'],
    ['run-01', null, 'diverged'],
    ['run-03', null, 'failed'],
  ]);
  expect(report.runs[1]?.message).toMatch(/^The loss of step/);
  expect(report.runs[2]?.message).toMatch(/target_modules: selects no module/);
  await expect(runSweep(specOf('none', { runs: runs.slice(2) }), rememberingContext())).rejects.toThrow(
    /run-01: [^]*selects no module/,
  );
});

test('a folder with the runs of another sweep is refused', async () => {
  await expect(runSweep(specOf('grid', { over: { r: [8] } }), rememberingContext())).rejects.toThrow(/another sweep/);
  await expect(runSweep(specOf('grid', over, { seed: 3 }), rememberingContext())).rejects.toThrow(/exists already/);
});

test('equal losses have one rank, the smaller run first; runs without a loss come last', () => {
  const run = (name: string, evalLoss: number | null, trainableParameters: number): Omit<SweepRunReport, 'rank'> => ({
    name,
    state: evalLoss === null ? 'diverged' : 'trained',
    settings: {},
    evalLossBefore: 3,
    evalLoss,
    trainLoss: 1,
    trainableParameters,
    steps: 1,
    seconds: 1,
    message: null,
  });
  const ranked = rankRuns([run('a', 2, 5), run('b', null, 5), run('c', 1, 9), run('d', 1, 4), run('e', 0.5, 1)]);
  expect(ranked.map(({ name, rank }) => [name, rank])).toEqual([
    ['e', 1],
    ['d', 2],
    ['c', 2],
    ['a', 4],
    ['b', null],
  ]);
});

test('a sweep says all at once what is wrong with it, and has no more runs than the limit', () => {
  const parsed =
    (settings: object, changes: object = {}) =>
    () =>
      parseSpec({ kind: 'sweep', output: 'out', train: { ...shared(), ...changes }, ...settings });
  const rates = (count: number): object => ({
    over: { learningRate: Array.from({ length: count }, (_, i) => 1e-4 * (i + 1)) },
  });
  expect(parsed(rates(limits.sweepRunsMax))).not.toThrow();
  expect(parsed(rates(limits.sweepRunsMax + 1))).toThrow(/over: makes 65 runs; a sweep has at most 64/);
  expect(parsed({})).toThrow(/give either over/);
  expect(parsed({ ...over, runs: [{}] })).toThrow(/give either over/);
  expect(parsed({ over: {} })).toThrow(/names no setting/);
  expect(parsed({ runs: [{ r: 4 }, { r: 4 }] })).toThrow(/runs\[1\]: gives run 2 the settings of run 1/);
  expect(parsed(over, { method: { kind: 'full' }, data: { train: 'rows' }, epochs: 2 })).toThrow(
    /train\.method\.kind[^]*train\.data: needs held-out rows[^]*train\.epochs: only one of epochs, steps and tokens/,
  );
  expect(parsed({ over: { rank: [4] } })).toThrow(/over\.rank: is not a known key/);
});
