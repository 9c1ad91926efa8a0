import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { EvaluateReport } from '../../shared/contract/reports.ts';
import { parseSpec } from '../../shared/contract/specs/parse-spec.ts';
import { openBaseText, openRows } from '../../gpu-job/jobs/base-text.ts';
import { runJob } from '../../gpu-job/main.ts';
import { baseCard } from './base-card.ts';
import { kneserNey } from './ngram/kneser-ney.ts';
import { scoreRows } from './ngram/score-rows.ts';
import { endOfText, vocabularySize } from './tokenizer/tokenizer-files.ts';

/** Step 3: takes the trained weights over into examples/tiny-base, measures them beside n-gram models, and writes the card. */

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const base = path('../tiny-base');
const heldOut = path('../tiny-base/held-out.jsonl');
const corpus = path('.cache/corpus.jsonl');

await copyFile(path('.cache/trained-base/model.safetensors'), `${base}/model.safetensors`);
const weights = await readFile(`${base}/model.safetensors`);
const report = (await runJob(parseSpec({ kind: 'evaluate', base, data: heldOut }))) as EvaluateReport; // the report of an evaluate spec

const text = await openBaseText(base);
const tokensOf = async (file: string): Promise<Int32Array[]> => {
  const all: Int32Array[] = [];
  await text.readRows(await openRows(file), { contextMax: 512, longRows: 'refuse' }, (rows) => {
    for (const { tokens } of rows) all.push(tokens);
  });
  return all;
};
const [trainRows, heldOutRows] = [await tokensOf(corpus), await tokensOf(heldOut)];
const boundary = text.tokenizer.idOf(endOfText) ?? 0;
await text.close();
const lossOfOrder = (order: 1 | 2 | 3): number =>
  scoreRows(heldOutRows, kneserNey(trainRows, { order, vocabulary: vocabularySize, boundary }), boundary);

const figures = {
  loss: report.loss,
  tokenAccuracy: report.tokenAccuracy.value,
  labels: report.labels,
  rows: report.rows,
  unigram: lossOfOrder(1),
  bigram: lossOfOrder(2),
  trigram: lossOfOrder(3),
  trainTokens: trainRows.reduce((total, { length }) => total + length, 0),
  sizeBytes: weights.byteLength,
  sha256: createHash('sha256').update(weights).digest('hex'),
};
console.log(figures);
const spec = parseSpec(JSON.parse(await readFile(path('train-base.json'), 'utf8')));
if (spec.kind !== 'train') throw new Error('train-base.json is no train spec');
await writeFile(`${base}/README.md`, baseCard(figures, spec));
if (figures.loss.value >= figures.trigram) throw new Error('the model is no better than the trigram model');
