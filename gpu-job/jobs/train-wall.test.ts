import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { readAdapterFolder } from '../folders/adapter.ts';
import { readCheckpointState } from '../training/checkpoint.ts';
import { runSpec } from './run-spec.ts';
import { runTrain } from './train.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-wall-'));
  await writeTinyBase(join(folder, 'base'));
  const rows = Array.from({ length: 40 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, given: object = {}): TrainSpec =>
  parseSpec({
    kind: 'train',
    base: join(folder, 'base'),
    output: join(folder, output),
    data: { train: join(folder, 'rows.jsonl'), evalFraction: 0.1 },
    method: { kind: 'lora', config: { r: 2 } },
    steps: 12,
    batch: { rows: 6, microBatchTokens: 48, packTokens: 32 },
    evaluation: { everySteps: 4 },
    threads: 1,
    ...given,
  }) as TrainSpec; // its kind is given

/** A context whose clock passes a second with each step that is told, so that every step costs one. */
function steppingContext(secondsLeft: number) {
  const context = rememberingContext();
  const steps = (): number => context.events.filter(({ type }) => type === 'step').length;
  return { ...context, now: () => steps() * 1000, secondsLeft: () => secondsLeft - steps() };
}

test('at the wall a run writes what it has learnt, and says so everywhere', async () => {
  const spec = specOf('walled');
  const report = await runTrain(spec, steppingContext(5));
  expect(report).toMatchObject({ steps: 5, endedEarly: true, stoppedBy: 'budget', writtenStep: 5, evalLoss: null });
  expect(report.warnings.map(({ code }) => code)).toContain('budget-spent');
  const { modules } = await readAdapterFolder(spec.output);
  expect(modules.size).toBeGreaterThan(0);
  // what was asked for is there: the same again does nothing
  expect(await runTrain(spec, rememberingContext())).toMatchObject({ steps: 5, stoppedBy: 'budget' });
});

test('the time of the spec counts all sittings, and a run that had enough is the run that had no wall', async () => {
  const whole = await runTrain(specOf('whole'), rememberingContext());
  const spec = specOf('sitting', { maxSeconds: 8 });
  // stopped by somebody after three steps, then by its wall
  const first = steppingContext(Infinity);
  const stop = { ...first, stopRequested: () => first.events.filter(({ type }) => type === 'step').length >= 3 };
  await expect(runTrain(spec, stop)).rejects.toThrow('Stopped after step 3 of 12');
  expect(await readCheckpointState(join(`${spec.output}.run`, 'checkpoints'))).toMatchObject({
    state: { spentSeconds: 3 },
  });
  expect(await runTrain(spec, steppingContext(Infinity))).toMatchObject({ steps: 8, stoppedBy: 'budget' });
  const enough = await runTrain(specOf('enough', { maxSeconds: 13 }), steppingContext(Infinity));
  expect(enough).not.toHaveProperty('stoppedBy');
  expect(enough.files['adapter_model.safetensors']).toEqual(whole.files['adapter_model.safetensors']);
});

test('a wish to end comes before the wall, and what had no time for a step is refused', async () => {
  const context = { ...steppingContext(0), stopRequested: () => true };
  await expect(runTrain(specOf('asked'), context)).rejects.toThrow('Stopped after step 0');
  await expect(runTrain(specOf('none'), steppingContext(0))).rejects.toMatchObject({ code: 'budget-spent' });
});

test('a job that has nothing to show before it is done is refused when its allowance is spent', async () => {
  const spec = parseSpec({
    kind: 'evaluate',
    base: join(folder, 'base'),
    data: join(folder, 'rows.jsonl'),
    threads: 1,
  });
  await expect(runSpec(spec, steppingContext(0))).rejects.toMatchObject({
    code: 'budget-spent',
    message: expect.stringMatching(/^Its allowance is spent: .* Give it a larger budget\.$/),
  });
  expect(await runSpec(spec, steppingContext(1))).toMatchObject({ kind: 'evaluate' });
});

test('dollars at the price of an hour are the same wall, to the step', async () => {
  // at half a thousandth of a dollar a second
  const price = { dollarsPerHour: 1.8 };
  const paid = await runTrain(specOf('paid', { ...price, maxDollars: 0.0025 }), steppingContext(Infinity));
  expect(paid).toMatchObject({ steps: 5, stoppedBy: 'budget' });
  const less = await runTrain(specOf('less', { ...price, maxDollars: 0.002 }), steppingContext(Infinity));
  expect(less).toMatchObject({ steps: 4, stoppedBy: 'budget' });
  // the nearer wall counts, and a price alone is none
  const both = { ...price, maxDollars: 1, maxSeconds: 3 };
  expect(await runTrain(specOf('both', both), steppingContext(Infinity))).toMatchObject({ steps: 3 });
  expect(await runTrain(specOf('priced', price), steppingContext(Infinity))).toMatchObject({ steps: 12 });
  expect(() => specOf('unpriced', { maxDollars: 1 })).toThrow(/costs/);
});
