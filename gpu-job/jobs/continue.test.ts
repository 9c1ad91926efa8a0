import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeSpecSchema } from '../../shared/contract/specs/compose.ts';
import { evaluateSpecSchema } from '../../shared/contract/specs/evaluate.ts';
import type { TrainReport } from '../../shared/contract/reports.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { readAdapterFolder } from '../folders/adapter.ts';
import { hashFile } from '../folders/hashes.ts';
import { runCompose } from './compose.ts';
import { runEvaluate } from './evaluate.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
const weights = 'adapter_model.safetensors';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-continue-'));
  await writeTinyBase(at('base'));
  await writeTinyBase(at('other-base'), { config: { initializer_range: 0.2 } });
  const row = (prompt: string): string => JSON.stringify({ prompt, completion: ' meow' });
  await writeFile(at('rows.jsonl'), Array.from({ length: 40 }, (_, i) => row(`${i} cat:`)).join('\n'));
  await writeFile(at('held.jsonl'), Array.from({ length: 10 }, (_, i) => row(`${i} dog:`)).join('\n'));
  await writeFile(at('one.jsonl'), row('7 cat:'));
  await runTrain(specOf('plain', lora()), rememberingContext());
});
afterAll(() => rm(folder, { recursive: true }));

const lora = (config: object = {}): object => ({ kind: 'lora', config: { r: 4, lora_alpha: 8, ...config } });
const from = (name: string, more: object = {}): object => ({ kind: 'continue', from: at(name), ...more });
const specOf = (output: string, method: object, changes: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('rows.jsonl'), eval: at('held.jsonl') },
    method,
    steps: 4,
    batch: { rows: 8 },
    optimizer: { learningRate: 0.01 },
    threads: 1,
    ...changes,
  });
const run = (output: string, method: object, changes: object = {}): Promise<TrainReport> =>
  runTrain(specOf(output, method, changes), rememberingContext());
const lossOf = async (adapter: string): Promise<number> => {
  const spec = { kind: 'evaluate', base: at('base'), adapter: at(adapter), data: at('held.jsonl'), threads: 1 };
  return (await runEvaluate(evaluateSpecSchema.parse(spec), rememberingContext())).loss.value;
};
/** Stops a run after so many steps; its last checkpoint stays. */
async function stopped(spec: TrainSpec, steps: number): Promise<void> {
  let done = 0;
  const emit = ({ type }: { type: string }): void => void (done += Number(type === 'step'));
  const context = { emit, stopRequested: () => done >= steps, now: () => performance.now() };
  await expect(runTrain(spec, context)).rejects.toThrow(UnavailableError);
}

describe.each<[string, object]>([
  ['of plain LoRA', {}],
  ['of DoRA', { use_dora: true }],
  ['with whole modules', { modules_to_save: ['lm_head', 'norm'], target_modules: ['q_proj'] }],
  ['on embeddings', { target_modules: ['embed_tokens', 'lm_head', 'v_proj'] }],
  ['with ranks of their own', { rank_pattern: { q_proj: 2 }, alpha_pattern: { v_proj: 3 }, use_rslora: true }],
  ['that began as a part of the base', { init_lora_weights: 'pissa' }],
])('an adapter %s', (name, config) => {
  test('is gone on from where its evaluation is, and learns more', async () => {
    const output = name.replaceAll(' ', '-');
    await run(output, lora(config));
    const report = await run(`${output}-more`, from(output));
    expect(report.evalLossBefore).toBe(await lossOf(output));
    expect(report.evalLoss).toBeLessThan(report.evalLossBefore ?? 0);
    const [before, after] = await Promise.all([readAdapterFolder(at(output)), readAdapterFolder(at(`${output}-more`))]);
    expect(after.config).toEqual(before.config);
    expect(report.from).toEqual({ name: output, keepsMoments: false });
  });
});

test('going on from the first values of a run is that run, to the bit', async () => {
  await stopped(specOf('fresh', lora()), 0);
  const begun = await run('from-first', from('fresh.run'));
  expect(begun.files[weights]).toEqual(await hashFile(join(at('plain'), weights)));
});

test('an adapter and a checkpoint of the same values come to the same', async () => {
  const schedule = { kind: 'constant', warmupSteps: 0 };
  await run('four', lora(), { schedule });
  await stopped(specOf('nine', lora(), { schedule, steps: 9 }), 4);
  const [fromAdapter, fromCheckpoint] = [await run('a', from('four')), await run('c', from('nine.run'))];
  expect(fromCheckpoint.files[weights]).toEqual(fromAdapter.files[weights]);
});

test('with the moments of a checkpoint a run goes on as if it had not been parted; without them not', async () => {
  const changes = {
    data: { train: at('one.jsonl') },
    batch: { rows: 1 },
    schedule: { kind: 'constant', warmupSteps: 0 },
  };
  const whole = await run('whole', lora(), { ...changes, steps: 6 });
  const half = specOf('half', lora(), { ...changes, steps: 6 });
  await stopped(half, 3);
  const moments = await run('kept', from('half.run', { keepMoments: true }), { ...changes, steps: 3 });
  const anew = await run('anew', from('half.run'), { ...changes, steps: 3 });
  expect(moments.files[weights]).toEqual(whole.files[weights]);
  expect(anew.files[weights]).not.toEqual(whole.files[weights]);
  expect(moments.from).toEqual({ name: 'half after step 3', keepsMoments: true });
  const spec = specOf('kept-in-parts', from('half.run', { keepMoments: true }), { ...changes, steps: 3 });
  await stopped(spec, 1);
  expect((await runTrain(spec, rememberingContext())).files[weights]).toEqual(whole.files[weights]);
});

test('a composition is gone on from', async () => {
  await run('second', lora({ target_modules: ['q_proj', 'up_proj'] }), { seed: 3 });
  const members = ['plain', 'second'].map((name) => ({ adapter: at(name), weight: 0.5 }));
  const spec = composeSpecSchema.parse({ kind: 'compose', type: 'linear', members, output: at('both') });
  await runCompose(spec, rememberingContext());
  const report = await run('both-more', from('both'));
  expect(report.evalLossBefore).toBe(await lossOf('both'));
  expect(report.evalLoss).toBeLessThan(report.evalLossBefore ?? 0);
});

test('what is told beside must be what the adapter has, but for the dropout; how modules are spelt does not count', async () => {
  const told = { r: 8, lora_alpha: 4, use_dora: true, target_modules: ['q_proj'], modules_to_save: ['lm_head'] };
  expect(await refusals(run('x', from('plain', { config: told })))).toEqual([
    'continue-differs method.config.r',
    'continue-differs method.config.lora_alpha',
    'continue-differs method.config.use_dora',
    'continue-differs method.config.target_modules',
    'continue-differs method.config.modules_to_save',
  ]);
  const general = { evaluation: { general: { data: at('held.jsonl') } } };
  expect(await refusals(run('x', from('of-DoRA'), general))).toEqual(['continue-differs evaluation.general']);
  const same = { r: 4, lora_alpha: 8, target_modules: 'all-linear', lora_dropout: 0.1 };
  const report = await run('same', from('plain', { config: same }));
  expect((await readAdapterFolder(report.output)).config.lora_dropout).toBe(0.1);
});

test('another base, moments that are not there and what is no adapter are refused with all the rest', async () => {
  expect(await refusals(run('x', from('plain'), { base: at('other-base') }))).toEqual(['other-base base']);
  await stopped(specOf('interrupted', lora(), { steps: 9 }), 1);
  expect(await refusals(run('x', from('interrupted.run'), { base: at('other-base') }))).toEqual(['other-base base']);
  expect(
    await refusals(run('x', from('plain', { keepMoments: true }), { data: { train: at('none') } }), folder),
  ).toEqual(['no-moments method.from', expect.stringContaining('data.train') as string]);
  expect(await refusals(run('x', from('nowhere')))).toEqual([expect.stringContaining('method.from') as string]);
  await stopped(specOf('whole-model', { kind: 'full' }), 1);
  expect(await refusals(run('x', from('whole-model.run')))).toEqual(['no-lora method.from']);
});

test('a run that goes on from one adapter does not go on from another', async () => {
  const spec = specOf('one-of-two', from('plain'), { steps: 9 });
  await stopped(spec, 1);
  await run('changed', from('plain'));
  expect(
    await refusals(
      runTrain(
        { ...spec, method: { ...spec.method, from: at('changed') } as typeof spec.method },
        rememberingContext(),
      ),
    ),
  ).toEqual(['resume-differs method.from']);
});
