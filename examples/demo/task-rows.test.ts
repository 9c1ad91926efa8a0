import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRow, detectFormats } from '../../shared/text/row-format.ts';
import { openBaseText, type BaseText } from '../../gpu-job/jobs/base-text.ts';
import { dealAnswers } from './deal-answers.ts';
import { prepareTask, taskNames } from './prepare-task.ts';
import { answerOf, promptOf, questionOf, readTaskRows, withAnswer, wordsOf, type TaskRow } from './task-rows.ts';

function taskRow(json: Record<string, unknown>): TaskRow {
  const [format] = detectFormats(json);
  const parsed = format && parseRow(json, format);
  if (!parsed || !('row' in parsed)) throw new Error('the test has a wrong row');
  return { json, row: parsed.row, tokens: 10 };
}

const turns = [
  { role: 'user', content: 'one?' },
  { role: 'assistant', content: '1' },
  { role: 'user', content: 'two?' },
  { role: 'assistant', content: '2' },
];

describe('rows of each format', () => {
  it('ask with all that stands before the last answer', () => {
    expect(promptOf(taskRow({ messages: turns }))).toEqual({ messages: turns.slice(0, 3) });
    expect(wordsOf(taskRow({ messages: turns }))).toEqual({ question: 'two?', answer: '2' });
    expect(promptOf(taskRow({ prompt: 'p', completion: 'c' }))).toEqual({ prompt: 'p' });
    expect(promptOf(taskRow({ text: 'a b c d' }))).toEqual({ prompt: 'a b' });
    expect(questionOf(taskRow({ text: 'a b c d' }))).toBe('a b c d');
    expect(answerOf(taskRow({ text: 'a b c d' }))).toBeUndefined();
  });

  it('take another answer in the place of their own and keep everything else', () => {
    const answer = { role: 'assistant', content: 'other' };
    expect(withAnswer(taskRow({ messages: turns, id: 7 }), answer)).toEqual({
      messages: [...turns.slice(0, 3), answer],
      id: 7,
    });
    expect(withAnswer(taskRow({ prompt: 'p', completion: 'c', id: 7 }), 'other')).toEqual({
      prompt: 'p',
      completion: 'other',
      id: 7,
    });
    expect(withAnswer(taskRow({ prompt: turns.slice(0, 3), completion: turns.slice(3) }), answer)).toEqual({
      prompt: turns.slice(0, 3),
      completion: [answer],
    });
  });
});

describe('dealAnswers', () => {
  const rows = Array.from({ length: 40 }, (_, i) => taskRow({ prompt: `q${i}`, completion: `a${i}` }));

  it('uses every answer once and leaves none where it was', () => {
    const dealt = dealAnswers(rows, 's');
    const answers = (list: readonly Readonly<Record<string, unknown>>[]): string[] =>
      list.map(({ completion }) => String(completion)).sort();
    expect(answers(dealt)).toEqual(answers(rows.map(({ json }) => json)));
    expect(dealt.filter(({ prompt, completion }) => completion === String(prompt).replace('q', 'a'))).toEqual([]);
  });

  it('has nothing to deal with plain text', () => {
    expect(dealAnswers([taskRow({ text: 'one' }), taskRow({ text: 'two' })], 's')).toEqual([]);
  });
});

describe('taskNames', () => {
  it('names tasks by file, or by folder where the files are called alike', () => {
    expect(taskNames(['x/sums.jsonl', 'y/dates.json'])).toEqual(['sums', 'dates']);
    expect(taskNames(['sums/train.jsonl', 'dates/train.jsonl'])).toEqual(['sums', 'dates']);
    expect(taskNames(['train.jsonl', 'train.jsonl'])).toEqual(['train-1', 'train-2']);
  });
});

describe('files of a task', () => {
  let folder: string;
  let text: BaseText;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lorary-demo-'));
    text = await openBaseText(fileURLToPath(new URL('../tiny-base', import.meta.url)));
  });
  afterAll(async () => {
    await text.close();
    await rm(folder, { recursive: true });
  });
  const file = async (name: string, lines: readonly string[]): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, lines.join('\n'));
    return path;
  };
  const options = (name: string) => ({
    text,
    contextTokens: 64,
    parameters: 2_755_008,
    trainTokens: undefined,
    shuffleLabels: false,
    folder: join(folder, name),
  });
  const line = (i: number): string => JSON.stringify({ prompt: `question ${i}`, completion: ` answer ${i}` });
  const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => line(i));

  it('leave out rows over the context and say how many', async () => {
    const long = JSON.stringify({ prompt: 'word '.repeat(80), completion: 'x' });
    const path = await file('long.jsonl', [line(1), long, '', line(2)]);
    const { rows, tooLong, format } = await readTaskRows(path, text, 64);
    expect({ format, tooLong, questions: rows.map(questionOf) }).toEqual({
      format: 'prompt-completion',
      tooLong: 1,
      questions: ['question 1', 'question 2'],
    });
  });

  it('are refused with the line of what is wrong', async () => {
    const path = await file('wrong.jsonl', [...lines(12), '{"prompt": 1, "completion": "x"}']);
    await expect(prepareTask({ name: 'wrong', train: path, heldOut: undefined }, options('wrong'))).rejects.toThrow(
      /wrong\.jsonl:13/,
    );
  });

  it('are refused when they are too few, or all ask the same', async () => {
    const few = await file('few.jsonl', lines(9));
    await expect(prepareTask({ name: 'few', train: few, heldOut: undefined }, options('few'))).rejects.toThrow(
      /9 usable rows/,
    );
    const same = await file(
      'same.jsonl',
      Array.from({ length: 12 }, (_, i) => JSON.stringify({ prompt: 'q', completion: `a${i}` })),
    );
    await expect(prepareTask({ name: 'same', train: same, heldOut: undefined }, options('same'))).rejects.toThrow(
      /ask the same/,
    );
  });

  it('hold out some of ten rows already', async () => {
    const path = await file('ten.jsonl', lines(10));
    const task = await prepareTask({ name: 'ten', train: path, heldOut: undefined }, options('ten'));
    expect([task.trainRows, task.heldOut.length]).toEqual([8, 2]);
    expect(task.files.validation).toBeUndefined();
    expect(task.files.dealt).toBeDefined();
  });

  it('train on all kinds of a sorted file when the tokens do not suffice for all of it', async () => {
    const kind = (name: string): string[] =>
      Array.from({ length: 60 }, (_, i) =>
        JSON.stringify({ prompt: `question ${i} of ${name}`, completion: ` ${name}` }),
      );
    const path = await file('sorted.jsonl', [...kind('first'), ...kind('second')]);
    const limited = { ...options('sorted'), trainTokens: 300 };
    const task = await prepareTask({ name: 'sorted', train: path, heldOut: undefined }, limited);
    const kinds = (await readFile(task.files.train, 'utf8')).split('\n').map((text) => /of (\w+)/.exec(text)?.[1]);
    expect(task.trainRows).toBeLessThan(60);
    expect(new Set(kinds.filter((name) => name !== undefined))).toEqual(new Set(['first', 'second']));
  });

  it('never train on what a given held-out file asks', async () => {
    const path = await file('all.jsonl', lines(40));
    const heldOut = await file('some.jsonl', lines(5));
    const task = await prepareTask({ name: 'all', train: path, heldOut }, options('all'));
    expect(task.heldOut).toHaveLength(5);
    expect(task.trainRows).toBeLessThanOrEqual(35);
  });
});
