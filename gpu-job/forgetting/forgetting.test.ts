import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvaluateReport, ForgettingReport, TrainReport } from '../../shared/contract/reports.ts';
import { evaluateSpecSchema } from '../../shared/contract/specs/evaluate.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { openRows } from '../jobs/base-text.ts';
import { runEvaluate } from '../jobs/evaluate.ts';
import { openModel } from '../jobs/open-model.ts';
import { runTrain } from '../jobs/train.ts';
import { loraA } from '../methods/lora-variant.ts';
import { scaledAdapter } from '../methods/scaled-adapter.ts';
import type { TokenRow } from '../training/batches.ts';
import { createEvalStep } from '../training/eval-graph.ts';
import { meanScores, scoreRows } from '../training/score-rows.ts';
import { rowsInMemory } from '../training/token-rows.ts';
import { generalTexts } from './general-texts.ts';
import { adapterScales, compareScales } from './measure-forgetting.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-forgetting-'));
  await writeTinyBase(at('base'));
  const rows = (animal: string, count: number): string =>
    Array.from({ length: count }, (_, i) => JSON.stringify({ prompt: `${i} ${animal}:`, completion: ' meow' })).join(
      '\n',
    );
  await writeFile(at('rows.jsonl'), rows('cat', 40));
  await writeFile(at('held.jsonl'), rows('dog', 10));
  await writeFile(
    at('general.jsonl'),
    generalTexts
      .slice(0, 5)
      .map((text) => JSON.stringify({ text: text.slice(0, 90) }))
      .join('\n'),
  );
  await train('plain', {});
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, config: object, changes: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('rows.jsonl'), eval: at('held.jsonl') },
    method: { kind: 'lora', config: { r: 4, lora_alpha: 8, ...config } },
    steps: 6,
    batch: { rows: 8, packTokens: 256, microBatchTokens: 2048 },
    optimizer: { learningRate: 0.02 },
    evaluation: { general: { data: at('general.jsonl') } },
    threads: 1,
    ...changes,
  });
const train = (output: string, config: object, changes?: object): Promise<TrainReport> =>
  runTrain(specOf(output, config, changes), rememberingContext());

const evaluate = (adapter: string | undefined, changes: object = {}): Promise<EvaluateReport> => {
  const spec = { kind: 'evaluate', base: at('base'), data: at('held.jsonl'), threads: 1, bootstrapSamples: 100 };
  const named = adapter === undefined ? {} : { adapter: at(adapter) };
  return runEvaluate(evaluateSpecSchema.parse({ ...spec, ...named, ...changes }), rememberingContext());
};
const lossOf = async (adapter: string | undefined, data = 'held.jsonl'): Promise<number> =>
  (await evaluate(adapter, { data: at(data) })).loss.value;

function scaleOf(forgetting: ForgettingReport | undefined, scale: number): { task: number; general: number } {
  const found = forgetting?.scales.find((one) => one.scale === scale);
  return { task: found?.taskLoss ?? NaN, general: found?.generalLoss ?? NaN };
}

describe.each<[string, object, number]>([
  ['LoRA', {}, 1e-6],
  ['rsLoRA', { use_rslora: true }, 1e-6],
  ['LoRA on embeddings', { target_modules: ['q_proj', 'embed_tokens', 'lm_head'] }, 1e-6],
  // written with twice the rank, so its losses agree up to rounding
  ['PiSSA', { init_lora_weights: 'pissa' }, 1e-4],
  ['OLoRA', { init_lora_weights: 'olora' }, 1e-4],
])('%s', (name, config, tolerance) => {
  test('has the loss of the base at 0 and its own at 1, to the bit; what is written has the same at every scale', async () => {
    const output = name.replaceAll(' ', '-');
    const { forgetting, evalLoss, evalLossBefore } = await train(output, config);
    expect(forgetting).toMatchObject({ taskRows: 10, generalRows: 5, generalText: 'general.jsonl' });
    expect(forgetting?.scales.map(({ scale }) => scale)).toEqual([...adapterScales]);
    expect(scaleOf(forgetting, 0)).toEqual({
      task: await lossOf(undefined),
      general: await lossOf(undefined, 'general.jsonl'),
    });
    expect(scaleOf(forgetting, 0).task).toBe(evalLossBefore);
    expect(scaleOf(forgetting, 1).task).toBe(evalLoss);
    expect(evalLoss).toBeLessThan((evalLossBefore ?? 0) - 0.3);
    const { forgetting: stored, loss } = await evaluate(output, { general: { data: at('general.jsonl') } });
    expect(scaleOf(stored, 1)).toEqual({ task: loss.value, general: await lossOf(output, 'general.jsonl') });
    expect(scaleOf(stored, 0)).toEqual(scaleOf(forgetting, 0));
    for (const { scale } of forgetting?.scales ?? []) {
      expect(Math.abs(scaleOf(stored, scale).task - scaleOf(forgetting, scale).task)).toBeLessThan(tolerance);
      expect(Math.abs(scaleOf(stored, scale).general - scaleOf(forgetting, scale).general)).toBeLessThan(tolerance);
    }
  });
});

test('half the scale is half of lora_alpha; A and B both at a half are not', async () => {
  const { forgetting } = await evaluate('plain', { general: {} });
  const path = at('plain/adapter_config.json');
  const text = await readFile(path, 'utf8');
  try {
    await writeFile(path, text.replace('"lora_alpha": 8', '"lora_alpha": 4'));
    expect(await lossOf('plain')).toBeCloseTo(scaleOf(forgetting, 0.5).task, 6);
  } finally {
    await writeFile(path, text);
  }
  const { model, text: baseText, parameters } = await openModel({ base: at('base'), adapter: at('plain') });
  const read: TokenRow[] = [];
  await baseText.readRows(await openRows(at('held.jsonl')), { contextMax: 128 }, (some) => void read.push(...some));
  const rows = rowsInMemory(read);
  const step = await createEvalStep(model, { threads: 1 });
  const shape = { microBatchTokens: 2048, packing: true, packTokens: 256, lengthMax: 128 };
  const scored = async (values: ReadonlyMap<string, Float32Array>): Promise<number> =>
    meanScores(await scoreRows(step, values, rows, shape)).loss;
  const half = scaledAdapter(parameters, 0.5);
  expect(await scored(half)).toBe(scaleOf(forgetting, 0.5).task);
  const both = [...half].map(
    ([name, values]) => [name, name.endsWith(loraA('')) ? values.map((value) => value / 2) : values] as const,
  );
  expect(Math.abs((await scored(new Map(both))) - scaleOf(forgetting, 0.5).task)).toBeGreaterThan(0.01);
  await step.close();
  await baseText.close();
});

test('the texts that are built in are enough, the card tells the table, and the run reports it again', async () => {
  const changes = { evaluation: { general: {} }, data: { train: at('rows.jsonl'), eval: at('rows.jsonl') } };
  const first = await train('built-in', {}, changes);
  expect(first.forgetting).toMatchObject({
    taskRows: limits.scaleRowsMax,
    generalRows: limits.scaleRowsMax,
    generalText: 'built-in',
  });
  expect(new Set(generalTexts).size).toBe(limits.scaleRowsMax);
  const card = await readFile(at('built-in/README.md'), 'utf8');
  expect(card).toContain('| scale | task | gain | general | forgotten |');
  expect(card).toContain(`| 0.75 | ${scaleOf(first.forgetting, 0.75).task.toFixed(4)} |`);
  expect((await train('built-in', {}, changes)).forgetting).toEqual(first.forgetting);
  expect(await readFile(at('built-in/training.json'), 'utf8')).not.toContain(folder);
});

test('stopped while it is measured, a run goes on to the same result', async () => {
  const spec = specOf('stopped', {}, { evaluation: { general: {} } });
  const context = rememberingContext();
  const stopping = {
    ...context,
    stopRequested: () => context.events.some((event) => event.type === 'progress' && event.stage === 'scales'),
  };
  await expect(runTrain(spec, stopping)).rejects.toThrow(UnavailableError);
  const report = await runTrain(spec, rememberingContext());
  const whole = await train('unstopped', {}, { evaluation: { general: {} } });
  expect(report.forgetting?.scales).toEqual(whole.forgetting?.scales);
  // another general text is another run
  await expect(runTrain(specOf('stopped', {}), rememberingContext())).rejects.toThrow(/exists already/);
});

test('what has no scale is refused, and so is a run without held-out rows and an evaluation without an adapter', async () => {
  const refused = /evaluation\.general: needs an adapter that is an update of low rank/;
  const asked = (method: object): object => ({ ...specOf('x', {}), method });
  expect(() => parseSpec(asked({ kind: 'lora', config: { use_dora: true } }))).toThrow(refused);
  expect(() => parseSpec(asked({ kind: 'lora', config: { modules_to_save: ['lm_head'] } }))).toThrow(refused);
  expect(() => parseSpec(asked({ kind: 'full' }))).toThrow(refused);
  await expect(train('y', {}, { data: { train: at('rows.jsonl') } })).rejects.toThrow(
    /evaluation\.general: needs held-out rows/,
  );
  await train('dora', { use_dora: true }, { evaluation: {} });
  await expect(evaluate('dora', { general: {} })).rejects.toThrow(/DoRA sets the lengths/);
  await train('saved', { modules_to_save: ['lm_head'] }, { evaluation: {} });
  await expect(evaluate('saved', { general: {} })).rejects.toThrow(/trained whole take the place/);
  expect(() => parseSpec({ kind: 'evaluate', base: 'b', data: 'd', general: {} })).toThrow(
    /general: is about an adapter/,
  );
});

test('a general text of more rows than the limit is not asked for, and one that is not there is told of', async () => {
  const rowsMax = (count: number) => parseSpec({ ...specOf('x', {}), evaluation: { general: { rowsMax: count } } });
  expect(() => rowsMax(limits.scaleRowsMax)).not.toThrow();
  expect(() => rowsMax(limits.scaleRowsMax + 1)).toThrow(/general\.rowsMax/);
  await expect(train('z', {}, { evaluation: { general: { data: at('nowhere.jsonl') } } })).rejects.toThrow(
    /nowhere\.jsonl/,
  );
});

test('the best scale weighs both texts alike; equal ones give way to the smaller, and what is no number is never best', () => {
  const { scales, ...best } = compareScales([
    { scale: 0, task: 3, general: 2 },
    { scale: 0.5, task: 2, general: 2.25 },
    { scale: 1, task: 1.5, general: 2.75 },
    { scale: 1.5, task: NaN, general: Infinity },
  ]);
  expect(best).toEqual({ bestScale: 0.5, bestTaskScale: 1 });
  expect(scales[2]).toEqual({ scale: 1, taskLoss: 1.5, gain: 1.5, generalLoss: 2.75, forgotten: 0.75 });
  expect(scales[3]).toEqual({ scale: 1.5, taskLoss: null, gain: null, generalLoss: null, forgotten: null });
});
