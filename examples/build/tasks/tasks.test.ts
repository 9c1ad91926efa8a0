import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Synset } from '../sources/wordnet.ts';
import { nounClassTask, nounClasses } from './noun-classes.ts';
import { family, pronunciationTask } from './pronunciation.ts';
import type { ChatRow, CompletionRow } from './task-rows.ts';

const noun = (i: number): Synset => ({
  pos: 'noun',
  lexicographer: 3 + (i % 26),
  lemmas: [`word${i}`, `shared${i % 500}`],
  definition: `meaning number ${i}`,
  examples: [],
});

describe('nounClassTask', () => {
  const synsets = Array.from({ length: 3000 }, (_, i) => noun(i));
  const task = nounClassTask(synsets);

  it('keeps every word of a held-out row out of training and out of the other texts', () => {
    const questions = new Set([...task.train, ...task.heldOut].map(({ messages }) => messages[0].content));
    const byQuestion = new Map(synsets.map((synset) => [`Which class: ${synset.definition}`, synset]));
    const wordsOf = (rows: readonly ChatRow[]): Set<string> =>
      new Set(rows.flatMap(({ messages }) => byQuestion.get(messages[0].content)?.lemmas ?? []));
    const heldOutWords = wordsOf(task.heldOut);
    expect([...wordsOf(task.train)].filter((word) => heldOutWords.has(word))).toEqual([]);
    for (const synset of synsets) {
      const used = questions.has(`Which class: ${synset.definition}`);
      const touches = synset.lemmas.some((word) => heldOutWords.has(word));
      expect(task.reserved.has(synset)).toBe(used || touches);
    }
  });
});

describe('pronunciationTask', () => {
  it('never trains on an inflected form of a held-out word', () => {
    const words = Array.from({ length: 600 }, (_, i) => `ab${letters(i)}`).flatMap((word) => [
      word,
      `${word}s`,
      `${word}ing`,
    ]);
    const task = pronunciationTask(new Map(words.map((word) => [word, 'AH B'])), new Set(words));
    const stems = (rows: readonly CompletionRow[]): string[] =>
      rows.flatMap(({ prompt }) => family(prompt.replace('Pronounce ', '').replaceAll(/[ :]/g, '')).slice(-1));
    const heldOut = new Set(stems(task.heldOut));
    expect(heldOut.size).toBeGreaterThan(300);
    expect(stems(task.train).filter((stem) => heldOut.has(stem))).toEqual([]);
  });
});

const letters = (i: number): string =>
  [i % 26, Math.floor(i / 26), 7].map((n) => String.fromCodePoint(97 + n)).join('');

describe('the committed datasets', () => {
  const rows = <Row>(path: string): Row[] =>
    readFileSync(new URL(`../../datasets/${path}`, import.meta.url), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row); // written by this folder's own scripts

  it('have 400 held-out rows each, none of which is trained on', () => {
    for (const task of ['noun-classes', 'pronunciation']) {
      const train = new Set(rows<unknown>(`${task}/train.jsonl`).map((row) => JSON.stringify(row)));
      const heldOut = rows<unknown>(`${task}/held-out.jsonl`).map((row) => JSON.stringify(row));
      expect(heldOut).toHaveLength(400);
      expect(heldOut.filter((row) => train.has(row))).toEqual([]);
    }
  });

  it('name all 26 noun classes and no other', () => {
    const answers = new Set(rows<ChatRow>('noun-classes/train.jsonl').map(({ messages }) => messages[1].content));
    expect([...answers].sort()).toEqual([...nounClasses].sort());
  });

  it('spell phonemes without stress marks', () => {
    for (const { completion } of rows<CompletionRow>('pronunciation/train.jsonl'))
      expect(completion).toMatch(/^(?: [A-Z]{1,2})+$/);
  });
});
