import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { estimateSpecSchema, type EstimateSpec } from '../../shared/contract/specs/estimate.ts';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { machineClasses } from '../../shared/domain/machine-classes.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { runEstimate } from './estimate.ts';
import { runTrain } from './train.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-estimated-'));
  await writeTinyBase(join(folder, 'base'));
  const rows = Array.from({ length: 24 }, (_, i) => ({ prompt: `${i} cat:`, completion: ' meow'.repeat(1 + (i % 5)) }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const asked = (changes: object = {}): object => ({
  base: join(folder, 'base'),
  data: { train: join(folder, 'rows.jsonl'), evalFraction: 0.25 },
  method: { kind: 'lora', config: { r: 4 } },
  epochs: 2.5,
  batch: { rows: 8 },
  threads: 1,
  ...changes,
});
const specOf = (changes: object = {}): EstimateSpec =>
  estimateSpecSchema.parse({ kind: 'estimate', ...asked(changes) });

test('what is estimated is what the run then does, and nothing is left of it', async () => {
  const own = join(folder, 'temporary');
  await mkdir(own);
  vi.stubEnv('TMPDIR', own);
  const estimate = await runEstimate(specOf(), rememberingContext());
  vi.unstubAllEnvs();
  expect((await readdir(own)).filter((name) => name.startsWith('lorary-'))).toEqual([]);
  const output = join(folder, 'trained');
  const report = await runTrain(trainSpecSchema.parse({ kind: 'train', output, ...asked() }), rememberingContext());
  const { plan, plans, machine, seconds } = estimate;
  expect(estimate).toMatchObject({
    method: 'lora',
    steps: report.steps,
    rows: report.rows,
    evalRows: report.evalRows,
    tokens: report.tokens,
    trainableParameters: report.trainableParameters,
    dollars: null,
  });
  expect(report.plan).toMatchObject({ memory: plan?.memory, microBatchTokens: plan?.microBatchTokens });
  expect(plans[0]).toEqual(plan);
  expect(machine).toMatchObject({ name: 'here', rateFrom: 'measured here' });
  expect(machine.flopsPerSecond).toBeGreaterThan(1e8);
  expect(seconds).toBeGreaterThan((plan?.secondsPerStep ?? Infinity) * report.steps);
  for (const { bytes, parts } of plans)
    expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(bytes, -1);
});

test('a class of machines has its own memory, rate and price', async () => {
  const on = (machine: string) => runEstimate(specOf({ machine }), rememberingContext());
  const [small, large] = [await on('cpu'), await on('gpu-80')];
  const cpu = machineClasses.find(({ name }) => name === 'cpu');
  expect(small.machine).toMatchObject({ name: 'cpu', memoryBytes: cpu?.memoryBytes, ...cpu?.rate });
  expect(small.dollars).toBeCloseTo(((small.seconds ?? 0) * (cpu?.price.microDollarsPerHour ?? 0)) / 3.6e9, 5);
  expect(large.plan?.secondsPerStep).toBeLessThan(small.plan?.secondsPerStep ?? 0);
  expect(large.smallestMachine).toBe('gpu-16');
});

test('where nothing fits, it says what is needed and where it would fit', async () => {
  const estimate = await runEstimate(specOf({ memoryMaxBytes: 50e6 }), rememberingContext());
  expect(estimate).toMatchObject({ plan: null, seconds: null, dollars: null, smallestMachine: 'gpu-16' });
  expect(estimate.reason).toMatch(/at least, and there are 0\.05 GB \(memoryMaxBytes\)/);
  expect(estimate.plans.every(({ fits }) => !fits)).toBe(true);
});

test('the way that was asked for is the one that is told', async () => {
  const { plan, plans, reason } = await runEstimate(specOf({ memory: 'lean' }), rememberingContext());
  expect(plans).toEqual([plan]);
  expect(plan?.memory.recompute).toBe(true);
  expect(reason).toBe('"lean" was asked for');
});

test('a model that starts from random weights is estimated before there are any', async () => {
  const method = { kind: 'full', initial: 'random' };
  const estimate = await runEstimate(specOf({ method }), rememberingContext());
  expect(estimate.trainableParameters).toBeGreaterThan(10_000);
  expect(estimate.plan?.parts.trained).toBe(24 * estimate.trainableParameters);
  expect(estimate.diskBytes).toBeGreaterThan(3 * 4 * estimate.trainableParameters);
});

test('what a run would be refused for is refused, all at once', async () => {
  const spec = specOf({
    schedule: { warmupSteps: 100 },
    evaluation: { patience: 1 },
    data: { train: join(folder, 'rows.jsonl') },
  });
  const findings = await runEstimate(spec, rememberingContext()).catch(
    (error: { findings: { where: string }[] }) => error.findings,
  );
  expect(findings).toMatchObject([{ where: 'schedule.warmupSteps' }, { where: 'evaluation.patience' }]);
});

test('of two lengths of a run only one may be given, as in training', () => {
  expect(estimateSpecSchema.safeParse({ kind: 'estimate', ...asked({ steps: 3 }) }).error?.issues).toMatchObject([
    { path: ['epochs'], message: 'only one of epochs, steps and tokens may be given' },
  ]);
});
