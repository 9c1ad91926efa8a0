import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainReport } from '../../shared/contract/reports.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-train-workers-'));
  await writeTinyBase(at('base'));
  // of many lengths, so that micro-batches are of several buckets
  const rows = (word: string): string =>
    Array.from({ length: 48 }, (_, i) =>
      JSON.stringify({ prompt: `${i}`, completion: ` ${word}`.repeat(1 + (i % 9)) }),
    ).join('\n');
  await writeFile(at('cats.jsonl'), rows('meow'));
  await writeFile(at('dogs.jsonl'), rows('woof'));
});
afterAll(() => rm(folder, { recursive: true }));

/** `threads` of one worker, whose number must not change the result. */
const specOf = (output: string, workers: number | undefined, given: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('cats.jsonl'), evalFraction: 0.1 },
    method: { kind: 'lora', config: { r: 2 } },
    steps: 4,
    batch: { rows: 12, packTokens: 48, microBatchTokens: 96 },
    optimizer: { learningRate: 0.02 },
    threads: workers ?? 1,
    ...(workers === undefined ? {} : { workers }),
    ...given,
  });

/** What a run leaves that does not tell its time. */
const outcome = ({ files, steps, tokens, evalLoss, writtenStep, stoppedBy, endedEarly }: TrainReport): object => {
  const [weights] = Object.entries(files).filter(([name]) => name.endsWith('.safetensors'));
  return { weights, steps, tokens, evalLoss, writtenStep, stoppedBy, endedEarly };
};

const lora = (config: object): object => ({ method: { kind: 'lora', config: { r: 2, ...config } } });
const mixed = (): object => ({ train: at('cats.jsonl'), mix: [{ rows: at('dogs.jsonl'), weight: 0.5 }] });
test.each<[string, object]>([
  ['lora', {}],
  ['dropout', lora({ lora_dropout: 0.2 })],
  ['dora', lora({ use_dora: true, lora_dropout: 0.1 })],
  ['pissa', lora({ init_lora_weights: 'pissa' })],
  ['whole-modules', lora({ target_modules: ['q_proj', 'embed_tokens'], modules_to_save: ['lm_head'] })],
  ['full', { method: { kind: 'full' } }],
  ['unpacked', { batch: { rows: 12, packing: false, microBatchTokens: 96 } }],
])('%s: two workers leave the bits of one', async (name, given) => {
  const one = await runTrain(specOf(`${name}-1`, undefined, given), rememberingContext());
  const two = await runTrain(specOf(`${name}-2`, 2, given), rememberingContext());
  expect(outcome(two)).toEqual(outcome(one));
});

test('mixed datasets, stopped and gone on with by another number of workers: the bits of one that was not', async () => {
  const given = { data: mixed(), steps: 5, checkpoint: { everySeconds: 1e6 } };
  const steady = await runTrain(specOf('steady', undefined, given), rememberingContext());
  for (const workers of [2, 1]) {
    let done = 0;
    const emit = ({ type }: { type: string }): void => void (done += Number(type === 'step'));
    const context = { emit, stopRequested: () => done >= 2, now: () => performance.now() };
    await expect(runTrain(specOf('parted', workers, given), context)).rejects.toThrow(UnavailableError);
  }
  const parted = await runTrain(specOf('parted', 3, given), rememberingContext());
  expect(outcome(parted)).toEqual(outcome(steady));
});

test('a run that ends early, by its patience or at its wall, ends as with one worker', async () => {
  const impatient = {
    steps: 30,
    optimizer: { learningRate: 3 },
    schedule: { kind: 'constant', warmupSteps: 0 },
    evaluation: { everySteps: 1, patience: 1 },
  };
  const one = await runTrain(specOf('impatient-1', undefined, impatient), rememberingContext());
  expect(one.endedEarly).toBe(true);
  expect(outcome(await runTrain(specOf('impatient-2', 2, impatient), rememberingContext()))).toEqual(outcome(one));

  const walled = await runTrain(specOf('walled-1', undefined), steppingContext(2));
  expect(walled).toMatchObject({ stoppedBy: 'budget', steps: 2 });
  expect(outcome(await runTrain(specOf('walled-2', 2), steppingContext(2)))).toEqual(outcome(walled));
});

/** A context whose clock passes a second with each step that is told. */
function steppingContext(secondsLeft: number) {
  const context = rememberingContext();
  const steps = (): number => context.events.filter(({ type }) => type === 'step').length;
  return { ...context, now: () => steps() * 1000, secondsLeft: () => secondsLeft - steps() };
}

test('workers who have nothing to do are told of, once', async () => {
  const context = rememberingContext();
  await runTrain(specOf('idle', 2, { batch: { rows: 4, microBatchTokens: 4096, packTokens: 128 } }), context);
  expect(context.warnings()).toEqual([expect.objectContaining({ code: 'idle-workers', where: 'workers' })]);
  const busy = rememberingContext();
  await runTrain(specOf('busy', 2), busy);
  expect(busy.warnings()).toEqual([]);
});

test('so many workers, and not one more', () => {
  expect(specOf('x', limits.stepWorkersMax).workers).toBe(limits.stepWorkersMax);
  expect(() => specOf('x', limits.stepWorkersMax + 1)).toThrow(/workers/);
  expect(() => specOf('x', 0)).toThrow(/workers/);
});
