import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { readAdapterFolder } from '../folders/adapter.ts';
import { openBaseModel } from '../folders/base-model.ts';
import { exists } from '../folders/files.ts';
import type { JobContext } from './job-context.ts';
import { runTrain } from './train.ts';

let folder = '';
let run = 0;
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-train-'));
  await writeTinyBase(at('base'));
  await writeTinyBase(at('shape'), { weights: false });
  const animals = { cat: 'meow', dog: 'woof', cow: 'moo', pig: 'oink', hen: 'cluck', fox: 'yip', owl: 'hoot' };
  const rows = Object.entries(animals).flatMap(([animal, sound]) =>
    Array.from({ length: 6 }, (_, i) => ({ prompt: `${i} ${animal}:`, completion: ` ${sound}` })),
  );
  await writeFile(at('rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  run++;
});

const specOf = (changes: Record<string, unknown> = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(`out${run}`),
    data: { train: at('rows.jsonl'), evalFraction: 0.15 },
    method: { kind: 'lora', config: { r: 4, lora_alpha: 8 } },
    steps: 40,
    batch: { rows: 8 },
    optimizer: { learningRate: 0.02 },
    threads: 1,
    ...changes,
  });

function remembering(stopAfter = Infinity): { context: JobContext; events: JobEvent[] } {
  const events: JobEvent[] = [];
  const steps = (): number => events.filter(({ type }) => type === 'step').length;
  const emit = (event: JobEvent): void => void events.push(event);
  return { events, context: { emit, stopRequested: () => steps() >= stopAfter, now: () => performance.now() } };
}

async function refusal(spec: TrainSpec): Promise<DomainError> {
  const error: unknown = await runTrain(spec, remembering().context).catch((reason: unknown) => reason);
  if (error instanceof DomainError) return error;
  throw new Error('it was not refused', { cause: error });
}

test('everything that is wrong with a run is told before the first step, all at once', async () => {
  await writeFile(at('long.jsonl'), JSON.stringify({ prompt: 'x'.repeat(200), completion: ' y' }));
  const error = await refusal(
    specOf({
      output: at('base'),
      data: { train: at('long.jsonl'), eval: at('absent.jsonl'), contextTokens: 100 },
      method: { kind: 'lora', config: { target_modules: ['query', 'q_porj'] } },
      samples: { prompts: [{ prompt: 'z'.repeat(300) }] },
    }),
  );
  expect(error.message).toContain('output: ');
  expect(error.message).toContain('exists already');
  expect(error.message).toContain(
    'method.config.target_modules: selects no module of this base; its modules are named q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj',
  );
  expect(error.message).toMatch(/long\.jsonl:1: has 203 tokens, and the context has 100/);
  expect(error.message).toMatch(/data\.eval.*There is no file/);
  expect(error.message).toMatch(/samples\.prompts\[0\].*300 tokens/);
  expect(await exists(`${at('base')}.run`)).toBe(false);
});

test('a context beyond the base, a warm-up as long as the run and an empty held-out part are refused', async () => {
  const error = await refusal(
    specOf({
      data: { train: at('rows.jsonl'), evalFraction: 0.001, contextTokens: 129 },
      schedule: { warmupSteps: 40 },
    }),
  );
  expect(error.findings.filter(({ severity }) => severity === 'error').map(({ where }) => where)).toEqual([
    'data.contextTokens',
    'data.evalFraction',
    'schedule.warmupSteps',
  ]);
});

test('held-out rows that are trained on too are counted in a warning', async () => {
  const row = JSON.stringify({ prompt: '1 cat:', completion: ' meow' });
  await writeFile(at('known.jsonl'), `${row}\n${JSON.stringify({ prompt: 'new', completion: ' x' })}`);
  const { context, events } = remembering();
  await runTrain(specOf({ data: { train: at('rows.jsonl'), eval: at('known.jsonl') }, steps: 1 }), context);
  expect(events.filter(({ type }) => type === 'finding')).toMatchObject([
    { finding: { severity: 'warning', message: expect.stringContaining('1 of 2 held-out rows') as string } },
  ]);
});

test('a long text that is split is held out whole, or not at all', async () => {
  const texts = Array.from({ length: 6 }, (_, i) => ({ text: 'abcdef'[i]?.repeat(300) }));
  await writeFile(at('texts.jsonl'), texts.map((row) => JSON.stringify(row)).join('\n'));
  const { context, events } = remembering();
  const data = { train: at('texts.jsonl'), evalFraction: 0.3, contextTokens: 64, longRows: 'split' };
  await runTrain(specOf({ data, steps: 1 }), context);
  expect(events.find(({ type }) => type === 'run')).toMatchObject({ rows: 4 * 5, evalRows: 2 * 5 });
});

test('an adapter learns its rows and is written with card, metrics and recipe', async () => {
  const { context, events } = remembering();
  const report = await runTrain(specOf({ samples: { prompts: [{ prompt: '1 cow:' }], maxNewTokens: 6 } }), context);
  expect(report.evalLoss).toBeLessThan(0.6 * (report.evalLossBefore ?? 0));
  expect(report.evalRows).toBe(6);
  expect(Object.keys(report.files)).toEqual([
    'README.md',
    'adapter_config.json',
    'adapter_model.safetensors',
    'metrics.jsonl',
    'training.json',
  ]);
  const adapter = await readAdapterFolder(report.output);
  expect(adapter.modules.size).toBe(14);
  expect(adapter.config.r).toBe(4);
  const metrics = (await readFile(join(report.output, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const lines = metrics.map((line) => JSON.parse(line) as Record<string, number>);
  expect(lines.filter((line) => 'loss' in line).map(({ step }) => step)).toEqual(
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  expect(lines.filter((line) => 'evalLoss' in line).map(({ step }) => step)).toEqual(
    Array.from({ length: 11 }, (_, i) => 4 * i),
  );
  const card = await readFile(join(report.output, 'README.md'), 'utf8');
  expect(card).toContain('base_model: "base"');
  for (const text of [card, await readFile(join(report.output, 'training.json'), 'utf8')])
    expect(text).not.toContain(folder); // no places of this machine
  expect(events[0]).toMatchObject({ type: 'run', firstStep: 1, steps: 40, rows: 36, evalRows: 6 });
  expect(await exists(`${report.output}.run`)).toBe(false);
});

test('a whole model is trained from random weights and written in the type that was asked for', async () => {
  const report = await runTrain(
    specOf({ base: at('shape'), method: { kind: 'full', initial: 'random' }, outputDtype: 'bf16', steps: 60 }),
    remembering().context,
  );
  expect(report.evalLoss).toBeLessThan(1);
  const model = await openBaseModel(report.output);
  expect(new Set([...model.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
  expect(model.config['torch_dtype']).toBe('bfloat16');
  expect(await readdir(report.output)).toContain('tokenizer.json');
});

test('a stopped run saves its work and goes on to the same adapter and metrics, dropout included', async () => {
  const changes = { method: { kind: 'lora', config: { r: 2, lora_dropout: 0.2 } }, steps: 20, batch: { rows: 5 } };
  const steady = await runTrain(specOf({ ...changes, output: at('steady') }), remembering().context);
  const spec = specOf(changes);
  for (const stopAfter of [0, 7, 1]) {
    const { context, events } = remembering(stopAfter);
    await expect(runTrain(spec, context)).rejects.toThrow(UnavailableError);
    expect(events.at(-1)).toMatchObject({ type: 'checkpoint' });
  }
  const { context, events } = remembering();
  const resumed = await runTrain(spec, context);
  expect(events[0]).toMatchObject({ type: 'run', firstStep: 9 });
  const name = 'adapter_model.safetensors';
  expect(resumed.files[name]).toEqual(steady.files[name]);
  expect(await deterministicMetrics(resumed.output)).toEqual(await deterministicMetrics(steady.output));
});

test('asked for again, a finished run is reported and not done again; another one does not overwrite it', async () => {
  const spec = specOf({ steps: 3 });
  const first = await runTrain(spec, remembering().context);
  const { context, events } = remembering();
  const again = await runTrain({ ...spec, threads: 2 }, context);
  expect(events.map(({ type }) => type)).toEqual(['finding']);
  expect(again).toEqual({ ...first, warnings: [expect.objectContaining({ code: 'already-done' })] });
  expect((await refusal({ ...spec, steps: 4 })).message).toContain('exists already');
  await writeFile(at('others.jsonl'), `${await readFile(at('rows.jsonl'), 'utf8')}\n{"prompt":"x","completion":"y"}`);
  const others = { ...spec, data: { ...spec.data, train: at('others.jsonl') } };
  expect((await refusal(others)).message).toContain('exists already');
});

test('another recipe or other rows are not trained on from a checkpoint', async () => {
  const spec = specOf();
  await expect(runTrain(spec, remembering(3).context)).rejects.toThrow(UnavailableError);
  const error = await refusal({ ...spec, seed: 1, optimizer: { ...spec.optimizer, learningRate: 0.1 } });
  // another seed also holds out other rows
  expect(error.findings.map(({ where }) => where)).toEqual([
    'optimizer.learningRate',
    'seed',
    'data.train',
    'data.eval',
  ]);
});

test('a run that diverges ends with the last good checkpoint kept', async () => {
  const spec = specOf({
    method: { kind: 'lora', config: { r: 4, lora_alpha: 1e38 } },
    optimizer: { learningRate: 10 },
    checkpoint: { everySeconds: 1e-6 },
  });
  const error = await refusal(spec);
  expect(error.code).toBe('diverged');
  expect(error.message).toMatch(/of step \d is not a finite number/);
  expect(await readdir(`${spec.output}.run/checkpoints`)).not.toHaveLength(0);
  expect(await exists(spec.output)).toBe(false);
});

async function deterministicMetrics(output: string): Promise<unknown[]> {
  const lines = (await readFile(join(output, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => ({ ...(JSON.parse(line) as object), tokensPerSecond: undefined }));
}
