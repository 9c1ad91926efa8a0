import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DomainError } from '../../shared/errors.ts';
import type { BaseText } from '../../gpu-job/jobs/base-text.ts';
import { dealAnswers } from './deal-answers.ts';
import { hashedOrder } from './hashed-order.ts';
import { splitRows } from './split-rows.ts';
import { questionOf, readTaskRows, type TaskRow } from './task-rows.ts';
import { planTraining, type TrainingPlan } from './training-plan.ts';

export interface TaskSource {
  readonly name: string;
  readonly train: string;
  /** Undefined: a share of the rows is held out. */
  readonly heldOut: string | undefined;
}

/** A task with its rows in files, ready for the jobs. */
export interface PreparedTask {
  readonly name: string;
  readonly plan: TrainingPlan;
  readonly trainRows: number;
  /** Rows over the context, left out. */
  readonly tooLong: number;
  readonly heldOut: readonly TaskRow[];
  readonly files: {
    readonly train: string;
    readonly validation: string | undefined;
    readonly heldOut: string;
    /** Held-out rows with answers dealt to other questions; undefined where rows have no answers. */
    readonly dealt: string | undefined;
  };
}

export interface PrepareOptions {
  readonly text: BaseText;
  readonly contextTokens: number;
  /** Parameters of the base. */
  readonly parameters: number;
  readonly trainTokens: number | undefined;
  readonly shuffleLabels: boolean;
  /** Folder for the files. */
  readonly folder: string;
}

/** With fewer there is nothing left to measure. */
const rowsMin = 10;
const heldOutRowsMax = 400;
/** Fewer rows say nothing about when to stop. */
const validationRowsMin = 8;
const seed = 'demo';

/** Reads a task, holds rows out, and writes what the jobs read. Throws `DomainError('dataset')`. */
export async function prepareTask(source: TaskSource, options: PrepareOptions): Promise<PreparedTask> {
  const { text, contextTokens, parameters, folder } = options;
  const all = await readTaskRows(source.train, text, contextTokens);
  const given = source.heldOut === undefined ? undefined : await readTaskRows(source.heldOut, text, contextTokens);
  if (all.rows.length < rowsMin)
    throw new DomainError(
      'dataset',
      `${source.train} has ${all.rows.length} usable rows; the demo needs at least ${rowsMin}, to hold some of them out.`,
    );
  const share = Math.min(all.rows.length < 100 ? 0.2 : 0.1, heldOutRowsMax / all.rows.length);
  const sides = given
    ? { train: withoutQuestions(all.rows, given.rows), heldOut: given.rows }
    : splitRows(all.rows, questionOf, { share, seed });
  if (sides.train.length === 0 || sides.heldOut.length === 0)
    throw new DomainError('dataset', `All rows of ${source.train} ask the same, so none can be held out.`);

  const plan = planTraining({
    parameters,
    rows: sides.train.length,
    tokens: sum(sides.train),
    trainTokens: options.trainTokens,
  });
  const heldOut = takeTokens(sides.heldOut, plan.heldOutTokens);
  const inner = splitRows(sides.train, questionOf, {
    share: Math.min(0.1, plan.validationTokens / sum(sides.train)),
    seed,
  });
  const validation = takeTokens(inner.heldOut, plan.validationTokens);
  const usesValidation = validation.length >= validationRowsMin && inner.train.length > 0;
  const train = takeTokens(usesValidation ? inner.train : sides.train, plan.trainTokens);
  const dealt = dealAnswers(heldOut, seed);
  if (options.shuffleLabels && dealt.length === 0)
    throw new DomainError('dataset', `${source.train} is plain text: it has no answers that could be shuffled.`);

  const jsonOf = (rows: readonly TaskRow[]): readonly unknown[] =>
    options.shuffleLabels ? dealAnswers(rows, 'shuffled labels') : rows.map(({ json }) => json);
  await mkdir(folder, { recursive: true });
  const write = async (name: string, rows: readonly unknown[]): Promise<string> => {
    const path = join(folder, `${name}.jsonl`);
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return path;
  };
  return {
    name: source.name,
    plan,
    trainRows: train.length,
    tooLong: all.tooLong + (given?.tooLong ?? 0),
    heldOut,
    files: {
      train: await write('train', jsonOf(train)),
      validation: usesValidation ? await write('validation', jsonOf(validation)) : undefined,
      heldOut: await write(
        'held-out',
        heldOut.map(({ json }) => json),
      ),
      dealt: dealt.length > 0 ? await write('dealt', dealt) : undefined,
    },
  };
}

/** Names of two tasks from their paths: the file's name, or the folder's where files are called alike. */
export function taskNames(paths: readonly [string, string]): readonly [string, string] {
  const stem = (path: string): string => basename(path).replace(/\.jsonl?$/, '');
  const [a, b] = [stem(paths[0]), stem(paths[1])];
  if (a !== b) return [a, b];
  const [c, d] = [basename(dirname(paths[0])), basename(dirname(paths[1]))];
  return c !== d && c !== '' && d !== '' ? [c, d] : [`${a}-1`, `${b}-2`];
}

/** Rows that ask what a held-out row asks must not be trained on. */
function withoutQuestions(rows: readonly TaskRow[], heldOut: readonly TaskRow[]): TaskRow[] {
  const questions = new Set(heldOut.map(questionOf));
  return rows.filter((row) => !questions.has(questionOf(row)));
}

/**
 * Rows drawn by a hash of what they ask, as long as they have at most so many tokens together; at least one. Files are often sorted,
 * so their first rows would be all of one kind. The order of the file is kept.
 */
function takeTokens(rows: readonly TaskRow[], tokensMax: number): TaskRow[] {
  const taken = new Set<TaskRow>();
  let tokens = 0;
  for (const i of hashedOrder(rows.map(questionOf), 'take')) {
    const row = rows[i] as TaskRow; // an index of rows
    tokens += row.tokens;
    if (tokens <= tokensMax || taken.size === 0) taken.add(row);
  }
  return rows.filter((row) => taken.has(row));
}

const sum = (rows: readonly TaskRow[]): number => rows.reduce((total, { tokens }) => total + tokens, 0);
