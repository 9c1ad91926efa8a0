import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { TrainReport } from '../../shared/contract/reports.ts';
import { evaluateSpecSchema } from '../../shared/contract/specs/evaluate.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { runEvaluate } from './evaluate.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
const rows = (count: number, row: (i: number) => object): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify(row(i))).join('\n');
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-train-guards-'));
  await writeTinyBase(at('base'));
  await writeFile(
    at('rows.jsonl'),
    rows(40, (i) => ({ prompt: `${i} cat:`, completion: ' meow' })),
  );
  // what is learnt of the rows helps with these only at first
  await writeFile(
    at('held.jsonl'),
    rows(8, (i) => ({ prompt: `${i} dog:`, completion: ' moow' })),
  );
  const odd = { prompt: '39 cat:', completion: ' Q#!7^&*ZX~' };
  await writeFile(
    at('odd.jsonl'),
    rows(40, (i) => (i < 39 ? { prompt: `${i} cat:`, completion: ' meow' } : odd)),
  );
  await writeFile(at('odd-alone.jsonl'), JSON.stringify(odd));
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, changes: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('rows.jsonl'), eval: at('held.jsonl') },
    method: { kind: 'lora', config: { r: 4, lora_alpha: 8 } },
    steps: 60,
    batch: { rows: 8 },
    optimizer: { learningRate: 0.01 },
    schedule: { kind: 'constant', warmupSteps: 0 },
    evaluation: { everySteps: 3 },
    threads: 1,
    ...changes,
  });

/** Runs to the end, stopped and gone on with after each of these numbers of steps. */
async function runInSittings(spec: TrainSpec, sittings: readonly number[]): Promise<TrainReport> {
  for (const steps of sittings) {
    let done = 0;
    const emit = ({ type }: JobEvent): void => void (done += Number(type === 'step'));
    const context = { emit, stopRequested: () => done >= steps, now: () => performance.now() };
    await expect(runTrain(spec, context)).rejects.toThrow(UnavailableError);
  }
  return runTrain(spec, rememberingContext());
}

const lossOf = async (adapter: string, data: string): Promise<number> => {
  const spec = { kind: 'evaluate', base: at('base'), adapter: at(adapter), data: at(data), threads: 1 };
  return (await runEvaluate(evaluateSpecSchema.parse(spec), rememberingContext())).loss.value;
};

async function evaluations(report: TrainReport): Promise<{ step: number; evalLoss: number; written?: true }[]> {
  const lines = (await readFile(join(report.output, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  return lines
    .filter((line) => line.includes('evalLoss'))
    .map((line) => JSON.parse(line) as { step: number; evalLoss: number });
}

test('a run ends when the held-out loss falls no more, and the best weights are written', async () => {
  const report = await runTrain(specOf('early', { evaluation: { everySteps: 3, patience: 3 } }), rememberingContext());
  const seen = (await evaluations(report)).filter(({ written }) => !written);
  const best = seen.slice(1).reduce((low, line) => (line.evalLoss < low.evalLoss ? line : low));
  expect(report).toMatchObject({ endedEarly: true, writtenStep: best.step, evalLoss: best.evalLoss });
  expect(report.steps).toBe(best.step + 9);
  expect(best.step).toBeGreaterThan(0);
  expect(await lossOf('early', 'held.jsonl')).toBe(best.evalLoss);
  const card = await readFile(join(report.output, 'README.md'), 'utf8');
  expect(card).toContain(
    `of 60 planned: the held-out loss fell no more; the weights are those after step ${best.step}`,
  );
});

test('interrupted before and after its best step, such a run comes to the same weights', async () => {
  const spec = specOf('resumed', { evaluation: { everySteps: 3, patience: 3 } });
  const steady = await runTrain(specOf('steady', { evaluation: spec.evaluation }), rememberingContext());
  const resumed = await runInSittings(spec, [steady.writtenStep - 1, 2, 3]);
  expect(resumed).toMatchObject({ steps: steady.steps, writtenStep: steady.writtenStep, evalLoss: steady.evalLoss });
  expect(resumed.files['adapter_model.safetensors']).toEqual(steady.files['adapter_model.safetensors']);
});

test('the best weights of a whole run, in the type they are written in', async () => {
  const optimizer = { learningRate: 0.03 };
  const changes = { evaluation: { everySteps: 3, keep: 'best' }, optimizer, outputDtype: 'bf16' };
  const report = await runTrain(specOf('best', changes), rememberingContext());
  expect(report).toMatchObject({ steps: 60, endedEarly: false });
  expect(report.writtenStep).toBeLessThan(60);
  expect(await lossOf('best', 'held.jsonl')).toBe(report.evalLoss);
  const last = await runTrain(specOf('last', { ...changes, evaluation: { everySteps: 3 } }), rememberingContext());
  expect(last.writtenStep).toBe(60);
  expect(last.evalLoss).toBeGreaterThan(report.evalLoss ?? Infinity);
});

test('patience and the best weights need held-out rows', async () => {
  const data = { train: at('rows.jsonl') };
  const spec = specOf('none', { data, evaluation: { patience: 1, keep: 'best' } });
  expect(await refusals(runTrain(spec, rememberingContext()))).toEqual([
    'train evaluation.patience',
    'train evaluation.keep',
  ]);
});

test('a step whose gradient is a spike is left out, in one sitting or in several', async () => {
  const changes = {
    data: { train: at('odd.jsonl') },
    steps: 120,
    batch: { rows: 1 },
    optimizer: { learningRate: 0.02, spikeFactor: 10 },
  };
  const context = rememberingContext();
  const report = await runTrain(specOf('guarded', changes), context);
  expect(report.skippedSteps).toBeGreaterThan(0);
  const findings = context.events.flatMap((event) => (event.type === 'finding' ? [event.finding.code] : []));
  expect(findings).toEqual(Array.from({ length: report.skippedSteps }, () => 'step-skipped'));
  // it leaves the weights as they were
  const metrics = await readFile(join(report.output, 'metrics.jsonl'), 'utf8');
  const step = Number(/"step":(\d+),"skipped":true/.exec(metrics)?.[1]);
  const upTo = (steps: number): Promise<TrainReport> =>
    runTrain(specOf(`guarded-${steps}`, { ...changes, steps }), rememberingContext());
  const weightsOf = ({ files }: TrainReport): unknown => files['adapter_model.safetensors'];
  expect(weightsOf(await upTo(step))).toEqual(weightsOf(await upTo(step - 1)));
  const resumed = await runInSittings(specOf('guarded-resumed', changes), [30, 60, 20]);
  expect(weightsOf(resumed)).toEqual(weightsOf(report));
  expect(resumed.skippedSteps).toBe(report.skippedSteps);
});

test('a run whose every gradient is a spike ends', async () => {
  const spec = specOf('broken', {
    method: { kind: 'lora', config: { r: 4, lora_alpha: 1e38 } },
    optimizer: { learningRate: 10, spikeFactor: 5 },
  });
  await expect(runTrain(spec, rememberingContext())).rejects.toThrow(/the 9 steps before it were left out/);
});
