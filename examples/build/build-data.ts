import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { conversations } from './corpus/conversations.ts';
import { proseRows, splitCorpus, trainingRows, wholeTexts } from './corpus/base-corpus.ts';
import { readAddresses, readMobyDick } from './sources/books.ts';
import { readCountries } from './sources/countries.ts';
import { readPronunciations } from './sources/pronunciations.ts';
import { readWordnet } from './sources/wordnet.ts';
import { nounClassTask } from './tasks/noun-classes.ts';
import { pronunciationTask } from './tasks/pronunciation.ts';
import { toJsonLines } from './tasks/task-rows.ts';
import { countWords } from './tokenizer/count-words.ts';
import { mergedSymbols, specialTokens, tokenizerConfig, tokenizerJson } from './tokenizer/tokenizer-files.ts';
import { trainBpe } from './tokenizer/train-bpe.ts';

/** Step 1: datasets, corpus and tokenizer, from the packages in node_modules. Deterministic: the same bytes at every run. */

const positionsMax = 512;
/** Some positions are left for the end-of-text token, and because joined pieces can have a token more than they have apart. */
const rowLengths = { usualTokens: 248, longTokens: positionsMax - 8 };

const write = (path: string, text: string): void => {
  const file = fileURLToPath(new URL(path, import.meta.url));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`${path}: ${text.length} characters`);
};

const wordnet = readWordnet();
const nounClass = nounClassTask(wordnet);
write('../datasets/noun-classes/train.jsonl', toJsonLines(nounClass.train));
write('../datasets/noun-classes/held-out.jsonl', toJsonLines(nounClass.heldOut));

const words = new Set(wordnet.flatMap(({ lemmas }) => lemmas));
const pronunciation = pronunciationTask(await readPronunciations(), words);
write('../datasets/pronunciation/train.jsonl', toJsonLines(pronunciation.train));
write('../datasets/pronunciation/held-out.jsonl', toJsonLines(pronunciation.heldOut));

const corpus = splitCorpus({
  addresses: readAddresses(),
  chapters: readMobyDick(),
  countries: readCountries(),
  synsets: wordnet.filter((synset) => !nounClass.reserved.has(synset)),
});

const vocabularyTexts = [
  ...wholeTexts(corpus.train),
  ...conversations({ ...corpus.train, documents: [], countTokens: (text) => text.length }),
];
const model = tokenizerJson(trainBpe(countWords(vocabularyTexts, specialTokens), mergedSymbols));
const config = tokenizerConfig(positionsMax);
write('../tiny-base/tokenizer.json', `${JSON.stringify(model)}\n`);
write('../tiny-base/tokenizer_config.json', `${JSON.stringify(config, undefined, 2)}\n`);

const tokenizer = new Tokenizer(model, config);
const countTokens = (text: string): number => tokenizer.encode(text, { add_special_tokens: false }).ids.length;
const training = trainingRows(corpus.train, countTokens, rowLengths);
const heldOut = proseRows(corpus.heldOut, countTokens, rowLengths);
const textRows = (rows: readonly string[]): string => toJsonLines(rows.map((text) => ({ text })));
write('../tiny-base/held-out.jsonl', textRows(heldOut));
write('.cache/corpus.jsonl', textRows(training.rows));

const sum = (rows: readonly string[]): number => rows.reduce((total, row) => total + countTokens(row), 0);
console.log({
  trainingRows: training.rows.length,
  trainingTokens: sum(training.rows),
  conversationTokens: sum(training.conversations),
  heldOutRows: heldOut.length,
  heldOutTokens: sum(heldOut),
});
