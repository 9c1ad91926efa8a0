import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { TrainReport } from '../../shared/contract/reports.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import type { RunState } from '../training/checkpoint.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-float16-'));
  await writeTinyBase(at('base'));
  const rows = Array.from({ length: 40 }, (_, i) => JSON.stringify({ prompt: `${i} cat:`, completion: ' meow' }));
  await writeFile(at('rows.jsonl'), rows.join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, changes: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('rows.jsonl') },
    method: { kind: 'lora', config: { r: 4, lora_alpha: 8 } },
    steps: 40,
    batch: { rows: 8 },
    optimizer: { learningRate: 0.02 },
    threads: 1,
    compute: 'float16',
    ...changes,
  });

async function stopAfter(spec: TrainSpec, steps: number): Promise<void> {
  let done = 0;
  const emit = ({ type }: JobEvent): void => void (done += Number(type === 'step'));
  const context = { emit, stopRequested: () => done >= steps, now: () => performance.now() };
  await expect(runTrain(spec, context)).rejects.toThrow(UnavailableError);
}

async function changeState(output: string, change: (state: RunState) => RunState): Promise<void> {
  const checkpoints = at(`${output}.run`, 'checkpoints');
  const [last] = (await readdir(checkpoints)).toSorted().slice(-1);
  const path = join(checkpoints, last ?? '', 'state.json');
  const content = JSON.parse(await readFile(path, 'utf8')) as { state: RunState };
  await writeFile(path, JSON.stringify({ ...content, state: change(content.state) }));
}

const weightsOf = ({ files }: TrainReport): unknown => files['adapter_model.safetensors'];

test('a run in float16 learns, says so, and an overflow leaves out a step and halves the factor, as often as needed', async () => {
  const spec = specOf('planted');
  await stopAfter(spec, 3);
  // no gradient of this run times that is within float16
  await changeState('planted', (state) => {
    expect(state).toMatchObject({ step: 3, skippedSteps: 0, lossScale: { factor: 65_536, goodSteps: 3 } });
    return { ...state, lossScale: { factor: 2 ** 24, goodSteps: 3 } };
  });
  await cp(at('planted.run'), at('again.run'), { recursive: true });

  const context = rememberingContext();
  const report = await runTrain(spec, context);
  expect(report.plan).toMatchObject({ compute: 'float16' });
  expect(report.skippedSteps).toBeGreaterThan(0);
  expect(report.skippedSteps).toBeLessThan(24);
  expect(report.trainLoss).toBeLessThan(3);
  const lines = (await readFile(at('planted', 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const left = lines
    .map((line) => JSON.parse(line) as { step: number; skipped?: boolean })
    .filter(({ skipped }) => skipped);
  expect(left).toHaveLength(report.skippedSteps);
  expect(left.slice(0, 4).map(({ step }) => step)).toEqual([4, 5, 6, 7]);

  // gone on with while the factor falls, and once more: the same bits
  const again = specOf('again');
  await stopAfter(again, 2);
  expect(weightsOf(await runTrain(again, rememberingContext()))).toEqual(weightsOf(report));
}, 60_000);

test('a run keeps to the type that it began with, and one in another type is another run', async () => {
  const spec = specOf('kept', { compute: 'bfloat16' });
  await stopAfter(spec, 3);
  await expect(runTrain(specOf('kept'), rememberingContext())).rejects.toThrow(
    /compute: was "bfloat16" and is "float16" now/,
  );
  const report = await runTrain(spec, rememberingContext());
  expect(report.plan).toMatchObject({ compute: 'bfloat16' });
  expect(report.skippedSteps).toBe(0);
  expect(report.trainLoss).toBeLessThan(3);
}, 60_000);
