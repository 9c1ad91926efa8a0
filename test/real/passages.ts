import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { places } from './places.ts';

const passageLettersMax = 900; // about 200 tokens
const trainedSpeeches = ['1934', '1935', '1936', '1937', '1938', '1939'].map(
  (year) => `${year}_franklin_d_roosevelt_d`,
);
const heldOutSpeech = '1940_franklin_d_roosevelt_d';
const heldOutPassages = 10;

/** Writes passages of whole sentences as rows `{"text"}`: six speeches to train on, the beginning of a seventh to measure. */
export async function writePassages(folder: string): Promise<{ readonly train: string; readonly heldOut: string }> {
  const files = { train: join(folder, 'train.jsonl'), heldOut: join(folder, 'held-out.jsonl') };
  const trained = await Promise.all(trainedSpeeches.map(passagesOf));
  await writeFile(files.train, jsonLines(trained.flat()));
  await writeFile(files.heldOut, jsonLines((await passagesOf(heldOutSpeech)).slice(0, heldOutPassages)));
  return files;
}

async function passagesOf(speech: string): Promise<string[]> {
  const text = await readFile(join(places.speeches, `${speech}.txt`), 'utf8');
  const passages: string[] = [];
  let passage = '';
  for (const sentence of text.replaceAll(/\s+/g, ' ').split(/(?<=[.?!]) /)) {
    if (passage.length + sentence.length > passageLettersMax && passage !== '') {
      passages.push(passage);
      passage = '';
    }
    passage = passage === '' ? sentence : `${passage} ${sentence}`;
  }
  return passages;
}

const jsonLines = (texts: readonly string[]): string => texts.map((text) => `${JSON.stringify({ text })}\n`).join('');
