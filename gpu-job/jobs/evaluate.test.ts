import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EvaluateReport } from '../../shared/contract/reports.ts';
import { evaluateSpecSchema } from '../../shared/contract/specs/evaluate.ts';
import { generateSpecSchema, type GenerateSpec } from '../../shared/contract/specs/generate.ts';
import { mergeSpecSchema } from '../../shared/contract/specs/merge.ts';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { writeRandomAdapter } from '../../test/support/random-adapter.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { runEvaluate } from './evaluate.ts';
import { runGenerate } from './generate.ts';
import { runMerge } from './merge.ts';
import { runTrain } from './train.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
const rows = Array.from({ length: 24 }, (_, i) => ({
  prompt: `${i} ${'abc'[i % 3]}:`,
  completion: ` ${['one', 'two', 'three'][i % 3]}`,
}));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-evaluate-'));
  await writeTinyBase(at('base'));
  await writeFile(at('rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const spec = trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at('adapter'),
    data: { train: at('rows.jsonl') },
    method: { kind: 'lora' },
    steps: 22, // enough to get some rows right and some not
    batch: { rows: 8 },
    optimizer: { learningRate: 0.03 },
    threads: 1,
  });
  await runTrain(spec, rememberingContext());
});
afterAll(() => rm(folder, { recursive: true }));

const evaluate = (changes: Record<string, unknown> = {}, stopAfter?: number): Promise<EvaluateReport> =>
  runEvaluate(
    evaluateSpecSchema.parse({
      kind: 'evaluate',
      base: at('base'),
      adapter: at('adapter'),
      data: at('rows.jsonl'),
      bootstrapSamples: 200,
      threads: 1,
      ...changes,
    }),
    rememberingContext(stopAfter),
  );

const generateSpec = (changes: Record<string, unknown> = {}): GenerateSpec =>
  generateSpecSchema.parse({
    kind: 'generate',
    base: at('base'),
    adapter: at('adapter'),
    prompts: rows.map(({ prompt }) => ({ prompt })),
    maxNewTokens: 10,
    threads: 1,
    ...changes,
  });

test('rows that count as exact are those that greedy generation writes exactly', async () => {
  const { exactMatch, majorityBaseline } = await evaluate();
  const { texts } = await runGenerate(generateSpec(), rememberingContext());
  const exact = texts.filter(({ text, end }, i) => end === 'stop' && text === rows[i]?.completion).length;
  expect(exact).toBeGreaterThan(0);
  expect(exact).toBeLessThan(rows.length);
  expect(exactMatch.value).toBe(exact / rows.length);
  expect(majorityBaseline).toBe(1 / 3);
});

test('loss and accuracy do not depend on how rows are batched, and intervals surround them', async () => {
  const [one, many] = [await evaluate({ batchTokens: 16 }), await evaluate({ batchTokens: 4096 })];
  expect(Math.abs(one.loss.value - many.loss.value)).toBeLessThan(1e-6 * many.loss.value);
  expect(one.tokenAccuracy.value).toBe(many.tokenAccuracy.value);
  expect(many.perplexity.value).toBe(Math.exp(many.loss.value));
  expect([many.rows, many.labels]).toEqual([24, rows.reduce((sum, row) => sum + row.completion.length + 1, 0)]);
  for (const { value, low, high } of [many.loss, many.perplexity, many.tokenAccuracy, many.exactMatch]) {
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
  }
});

test('a model merged in f32 has the loss of base and adapter, which the bare base has not', async () => {
  const spec = mergeSpecSchema.parse({
    kind: 'merge',
    base: at('base'),
    adapter: at('adapter'),
    output: at('merged'),
    dtype: 'f32',
  });
  await runMerge(spec, rememberingContext());
  const [adapted, merged] = [await evaluate(), await evaluate({ base: at('merged'), adapter: undefined })];
  expect(Math.abs(adapted.loss.value - merged.loss.value)).toBeLessThan(1e-5);
  expect((await evaluate({ adapter: undefined })).loss.value).toBeGreaterThan(adapted.loss.value + 1);
});

test('the report can be written to a file', async () => {
  const report = await evaluate({ output: at('report.json'), rowsMax: 5 });
  expect(report.rows).toBe(5);
  expect(JSON.parse(await readFile(at('report.json'), 'utf8'))).toEqual(report);
});

test('an adapter of another base and a folder without a model are refused together', async () => {
  await writeRandomAdapter(at('other'), {
    'model.layers.0.self_attn.q_proj': [30, 24],
    'model.layers.9.mlp.up': [8, 8],
  });
  await expect(evaluate({ adapter: at('other') })).rejects.toThrow(/q_proj.*made for another base.*layers\.9/s);
  await expect(evaluate({ base: at('nowhere'), adapter: at('nothing') })).rejects.toThrow(
    /base: There is no folder.*adapter: There is no folder/s,
  );
});

test('what is wrong with the rows is told with their lines, and a longer context than the model has is refused', async () => {
  await writeFile(at('bad.jsonl'), '{"prompt":"a","completion":"b"}\n{"prompt":"a"}\nnonsense');
  await expect(evaluate({ data: at('bad.jsonl') })).rejects.toThrow(/bad\.jsonl:2.*bad\.jsonl:3/s);
  await expect(evaluate({ contextTokens: 129 })).rejects.toThrow('the base has a context of 128 tokens');
});

test('asked to stop, an evaluation ends without a report', async () => {
  await expect(evaluate({ batchTokens: 16, output: at('never.json') }, 1)).rejects.toThrow(UnavailableError);
  await expect(readFile(at('never.json'))).rejects.toThrow();
});

test('sampled text follows from the seed alone, and comes in pieces as it grows', async () => {
  const sample = async (seed: number, prompts: number): Promise<{ texts: string[]; pieces: string[] }> => {
    const context = rememberingContext();
    const spec = generateSpec({ seed, temperature: 1.5, topK: 50, topP: 0.95, maxNewTokens: 16 });
    const { texts } = await runGenerate({ ...spec, prompts: spec.prompts.slice(0, prompts) }, context);
    const pieces = texts.map(() => '');
    for (const event of context.events) if (event.type === 'text') pieces[event.prompt] += event.piece;
    return { texts: texts.map(({ text }) => text), pieces };
  };
  const first = await sample(1, 3);
  expect(first.pieces).toEqual(first.texts);
  expect((await sample(1, 2)).texts).toEqual(first.texts.slice(0, 2));
  expect((await sample(2, 3)).texts).not.toEqual(first.texts);
});

test('prompts that do not fit, or need a template that is not there, are refused together', async () => {
  await writeTinyBase(at('plain'));
  await writeFile(at('plain/tokenizer_config.json'), '{"eos_token":"<|endoftext|>"}');
  const prompts = [{ prompt: 'x'.repeat(128) }, { messages: [{ role: 'user', content: 'hi' }] }];
  await expect(runGenerate(generateSpec({ base: at('plain'), prompts }), rememberingContext())).rejects.toThrow(
    /prompts\[0\]: has 128 tokens.*prompts\[1\]: The base has no chat template/s,
  );
});
