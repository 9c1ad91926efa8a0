import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { refusals } from '../../test/support/refusals.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
const weights = 'adapter_model.safetensors';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-mixture-'));
  await writeTinyBase(at('base'));
  const write = (name: string, count: number, sound: string): Promise<void> =>
    writeFile(
      at(name),
      Array.from({ length: count }, (_, i) =>
        JSON.stringify({ prompt: `${i} ${sound}:`, completion: ` ${sound}` }),
      ).join('\n'),
    );
  await write('cats.jsonl', 40, 'meow');
  await write('dogs.jsonl', 20, 'woof');
  await write('cows.jsonl', 2, 'moo');
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, data: object = {}, changes: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('cats.jsonl'), mix: [{ rows: at('dogs.jsonl'), weight: 0.25 }], ...data },
    method: { kind: 'lora', config: { r: 2 } },
    epochs: 2,
    batch: { rows: 10 },
    threads: 1,
    ...changes,
  });

test('a mixture tells what was seen of each dataset, and its parts', async () => {
  const report = await runTrain(specOf('told'), rememberingContext());
  expect(report.steps).toBe(10);
  expect(report.datasets).toEqual([
    expect.objectContaining({ name: 'cats.jsonl', weight: 1, rows: 40, seen: 80, shareOfRows: 0.8, passes: 2 }),
    expect.objectContaining({ name: 'dogs.jsonl', weight: 0.25, rows: 20, seen: 20, shareOfRows: 0.2, passes: 1 }),
  ]);
  expect(await readFile(join(report.output, 'README.md'), 'utf8')).toContain('20 of dogs.jsonl, weight 0.25');
  const recipe = await readFile(join(report.output, 'training.json'), 'utf8');
  expect(recipe).not.toContain(folder);
  expect(recipe).toContain('"rows": "dogs.jsonl"');
});

test('stopped and gone on with, it comes to the same bits; with other weights it is another run', async () => {
  const steady = await runTrain(specOf('steady', { evalFraction: 0.1 }), rememberingContext());
  const spec = specOf('parted', { evalFraction: 0.1 });
  for (const stopAfter of [3, 4]) {
    let done = 0;
    const emit = ({ type }: { type: string }): void => void (done += Number(type === 'step'));
    const context = { emit, stopRequested: () => done >= stopAfter, now: () => performance.now() };
    await expect(runTrain(spec, context)).rejects.toThrow(UnavailableError);
  }
  const other = { ...spec, data: { ...spec.data, mix: [{ rows: at('dogs.jsonl'), weight: 0.5 }] } };
  expect(await refusals(runTrain(other, rememberingContext()))).toEqual([
    'resume-differs data.mix',
    'resume-differs data.mix',
  ]);
  const parted = await runTrain(spec, rememberingContext());
  expect(parted.files[weights]).toEqual(steady.files[weights]);
  // a tenth of each is held out
  expect(parted.evalRows).toBe(6);
  const alone = await runTrain(specOf('alone', { mix: undefined, evalFraction: 0.1 }), rememberingContext());
  expect(alone.files[weights]).not.toEqual(steady.files[weights]);
});

test('a dataset that is read over and over is warned of, and what is wrong with one is told with the rest', async () => {
  const context = rememberingContext();
  await runTrain(specOf('cows', { mix: [{ rows: at('cows.jsonl'), weight: 0.12 }] }, { epochs: 2 }), context);
  expect(context.warnings()).toEqual([
    expect.objectContaining({
      code: 'repeated',
      where: 'data.mix[0].weight',
      message: expect.stringContaining('cows.jsonl is read 4.5 times') as string,
    }),
  ]);
  const quiet = rememberingContext();
  await runTrain(specOf('few-cows', { mix: [{ rows: at('cows.jsonl'), weight: 0.1 }] }, { epochs: 2 }), quiet);
  expect(quiet.warnings()).toEqual([]);
  const mix = [{ rows: at('none.jsonl') }, { rows: at('neither.jsonl') }];
  const refused = await refusals(
    runTrain(specOf('x', { mix, train: at('nothing.jsonl') }), rememberingContext()),
    folder,
  );
  expect(refused).toEqual([
    expect.stringContaining('data.train') as string,
    expect.stringContaining('data.mix[0].rows') as string,
    expect.stringContaining('data.mix[1].rows') as string,
  ]);
});
