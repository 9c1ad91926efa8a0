import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { hashFiles } from './finished-run.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (...names: string[]): string => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-kept-'));
  await writeTinyBase(at('base'));
  const rows = (sound: string): string =>
    Array.from({ length: 24 }, (_, i) => JSON.stringify({ prompt: `${i} cat:`, completion: ` ${sound}` })).join('\n');
  await writeFile(at('rows.jsonl'), rows('meow'));
  await writeFile(at('held.jsonl'), rows('woof'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Held-out rows that ask for something else: the best look comes early. */
const specOf = (output: string, changes: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('rows.jsonl'), eval: at('held.jsonl') },
    method: { kind: 'lora', config: { r: 2 } },
    steps: 24,
    batch: { rows: 6 },
    optimizer: { learningRate: 0.02 },
    evaluation: { everySteps: 4 },
    keep: { last: 2, best: true },
    checkpoint: { everySeconds: 1e6, keep: 1 },
    threads: 1,
    ...changes,
  });

const names = (steps: readonly number[]): string[] => steps.map((step) => `step-${String(step).padStart(8, '0')}`);

test('the last looks and the best stay when the run is done, and another run goes on from any of them', async () => {
  const report = await runTrain(specOf('mine'), rememberingContext());
  const looks = (await readFile(at('mine', 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; evalLoss?: number })
    .filter(({ evalLoss, step }) => evalLoss !== undefined && step > 0);
  const best = looks.reduce((a, b) => ((b.evalLoss ?? 0) < (a.evalLoss ?? 0) ? b : a));
  expect(best.step).toBeLessThan(20);
  expect(report.checkpoints).toEqual([
    { step: best.step, best: true },
    { step: 20, best: false },
    { step: 24, best: false },
  ]);
  expect((await readdir(at('mine.checkpoints'))).toSorted()).toEqual(names([best.step, 20, 24]));
  expect(await readdir(folder)).not.toContain('mine.run');
  const from = (name: string, path: string): TrainSpec =>
    specOf(name, { method: { kind: 'continue', from: path, keepMoments: true }, steps: 2, keep: undefined });
  for (const { step, evalLoss } of looks.filter((look) => [best.step, 20].includes(look.step))) {
    const [name = ''] = names([step]);
    const next = await runTrain(from(`from-${step}`, at('mine.checkpoints', name)), rememberingContext());
    expect(next.evalLossBefore).toBe(evalLoss);
    expect(next.from).toEqual({ name: `mine after step ${step}`, keepsMoments: true });
  }
  const newest = await runTrain(from('from-newest', at('mine.checkpoints')), rememberingContext());
  expect(newest.from?.name).toBe('mine after step 24');
});

test('stopped between two looks and gone on with, the same ones stay, to the bit, and stand when it is asked for again', async () => {
  const spec = specOf('parted');
  for (const stopAfter of [6, 9]) {
    let done = 0;
    const emit = ({ type }: { type: string }): void => void (done += Number(type === 'step'));
    const context = { emit, stopRequested: () => done >= stopAfter, now: () => performance.now() };
    await expect(runTrain(spec, context)).rejects.toThrow(UnavailableError);
  }
  await runTrain(spec, rememberingContext());
  await runTrain(specOf('steady'), rememberingContext());
  const kept = await readdir(at('steady.checkpoints'));
  expect((await readdir(at('parted.checkpoints'))).toSorted()).toEqual(kept.toSorted());
  for (const name of kept)
    for (const file of ['parameters.safetensors', 'moments.safetensors'])
      expect((await hashFiles(at('parted.checkpoints', name)))[file]).toEqual(
        (await hashFiles(at('steady.checkpoints', name)))[file],
      );
  // asked for again, what stands is left alone
  await runTrain(spec, rememberingContext());
  expect((await readdir(at('parted.checkpoints'))).toSorted()).toEqual(kept.toSorted());
});

test('without held-out rows the last ones stay; a run that keeps none leaves none', async () => {
  const data = { train: at('rows.jsonl') };
  const report = await runTrain(specOf('blind', { data, keep: { last: 3 } }), rememberingContext());
  expect(report.checkpoints?.map(({ step }) => step)).toEqual([16, 20, 24]);
  await runTrain(specOf('none', { keep: undefined }), rememberingContext());
  expect(await readdir(folder)).not.toContain('none.checkpoints');
});

test('what cannot be kept, or would stand in the way, is refused', async () => {
  const data = { train: at('rows.jsonl') };
  await writeFile(at('taken.checkpoints'), '');
  expect(await refusals(runTrain(specOf('taken', { data }), rememberingContext()), folder)).toEqual([
    'train output',
    'train keep.best',
  ]);
  expect(await readdir(folder)).not.toContain('taken.run');
  const spec = { ...specOf('x'), samples: undefined };
  const parse = (keep: object) => (): unknown => parseSpec(JSON.parse(JSON.stringify({ ...spec, keep })));
  expect(parse({ last: limits.checkpointsKeptMax })).not.toThrow();
  expect(parse({ last: limits.checkpointsKeptMax + 1 })).toThrow(/keep\.last/);
  expect(parse({ last: 0, best: true })).not.toThrow();
  expect(parse({ last: 0 })).toThrow(/keep\.last: keeps nothing/);
});
