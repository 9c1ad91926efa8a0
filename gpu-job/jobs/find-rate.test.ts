import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FindRateReport, SweepReport } from '../../shared/contract/reports.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { hashFiles } from './finished-run.ts';
import { runSpec } from './run-spec.ts';

const examples = join(import.meta.dirname, '../../examples');
let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-find-rate-'));
  await writeTinyBase(at('base'));
  const rows = Array.from({ length: 40 }, (_, i) => JSON.stringify({ prompt: `${i} cat:`, completion: ' meow' }));
  await writeFile(at('rows.jsonl'), rows.join('\n'));
  for (const [file, count] of [
    ['train', 800],
    ['held-out', 16],
  ] as const) {
    const lines = (await readFile(join(examples, 'datasets/noun-classes', `${file}.jsonl`), 'utf8')).split('\n');
    await writeFile(at(`nouns-${file}.jsonl`), lines.slice(0, count).join('\n'));
  }
});
afterAll(() => rm(folder, { recursive: true }));

const small = (output: string, changes: object = {}, train: object = {}): Parameters<typeof runSpec>[0] =>
  parseSpec({
    kind: 'find-rate',
    train: {
      base: at('base'),
      data: { train: at('rows.jsonl') },
      method: { kind: 'lora', config: { r: 2, lora_dropout: 0.1 } },
      batch: { rows: 4 },
      threads: 1,
      ...train,
    },
    steps: 30,
    output: at(output),
    ...changes,
  });
const findRate = async (...given: Parameters<typeof small>): Promise<FindRateReport> =>
  (await runSpec(small(...given), rememberingContext())) as FindRateReport; // of the kind that was asked for

test('the suggested rate is among the best of a sweep around it', async () => {
  const train = {
    base: join(examples, 'tiny-base'),
    data: { train: at('nouns-train.jsonl') },
    method: { kind: 'lora', config: { r: 8, lora_alpha: 16 } },
    batch: { rows: 4 },
    threads: 1,
  };
  const ramp = { kind: 'find-rate', train, steps: 60, from: 1e-5, output: at('nouns.json') };
  const { suggested } = (await runSpec(parseSpec(ramp), rememberingContext())) as FindRateReport; // as above
  if (suggested === null) throw new Error('a rate is suggested');
  const rates = [1 / 9, 1 / 3, 1, 3, 9].map((times) => suggested * times);
  const sweep = {
    kind: 'sweep',
    train: { ...train, data: { ...train.data, eval: at('nouns-held-out.jsonl') }, steps: 40 },
    over: { learningRate: rates },
    output: at('sweep'),
  };
  const { runs } = (await runSpec(parseSpec(sweep), rememberingContext())) as SweepReport; // as above
  expect(rates.indexOf(runs[0]?.settings.learningRate ?? NaN)).toBeGreaterThanOrEqual(1);
  expect(rates.indexOf(runs[0]?.settings.learningRate ?? NaN)).toBeLessThanOrEqual(3);
}, 240_000);

test('the curve is a function of spec and seed, and nothing else is written or changed', async () => {
  const before = await hashFiles(at('base'));
  const report = await findRate('one.json');
  const points = (name: string): Promise<unknown> =>
    readFile(at(name), 'utf8').then((text) => (JSON.parse(text) as FindRateReport).points);
  expect(await points('one.json')).toEqual(report.points);
  await findRate('two.json');
  expect(await points('two.json')).toEqual(await points('one.json'));
  await findRate('other.json', {}, { seed: 1 });
  expect(await points('other.json')).not.toEqual(await points('one.json'));
  // the first step has seen no update, dropout or not
  expect(report.points[0]).toMatchObject({ learningRate: 1e-6, gain: 0 });
  expect(report.points[0]?.loss).toBe(report.points[0]?.startLoss);
  expect(await hashFiles(at('base'))).toEqual(before);
  expect((await readdir(folder)).filter((name) => name.includes('.run'))).toEqual([]);
});

test('it ends where the run diverges', async () => {
  const report = await findRate('far.json', { from: 1e-3, to: 1e6, steps: 60 });
  expect(report.points.length).toBeLessThan(60);
  expect(report.divergedAt).toBe(report.points.at(-1)?.learningRate);
  expect(report.suggested).toBeLessThan(report.divergedAt ?? 0);
});

test('what cannot be run is refused with everything, leaving nothing, and one that is stopped writes nothing', async () => {
  const wrong = { steps: 19, from: 1, to: 9, train: { data: { train: 'x' }, preset: 'none' } };
  expect(() => parseSpec({ kind: 'find-rate', output: 'o', ...wrong })).toThrow(/train\.base.*train\.preset.*steps/s);
  expect(() => small('x', { from: 0.1, to: 0.99 })).toThrow(/to: is not ten times from/);
  expect(() => small('x', { steps: 1001 })).toThrow(/steps/);
  const taken = runSpec(small('rows.jsonl'), rememberingContext());
  await expect(taken).rejects.toThrow(DomainError);
  const stopped = runSpec(small('stopped.json'), { ...rememberingContext(), stopRequested: () => true });
  await expect(stopped).rejects.toThrow(UnavailableError);
  const left = await readdir(folder);
  expect(left).not.toContain('stopped.json');
  expect(left.filter((name) => name.endsWith('.run'))).toEqual([]);
});
