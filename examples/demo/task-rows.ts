import { DomainError, refuseErrors } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { readLines } from '../../shared/formats/jsonl.ts';
import { detectFormats, parseRow, type DatasetRow, type RowFormat } from '../../shared/text/row-format.ts';
import { openRows, type BaseText } from '../../gpu-job/jobs/base-text.ts';

/** One row of a task, as it stands in its file and as it was understood. */
export interface TaskRow {
  readonly json: Readonly<Record<string, unknown>>;
  readonly row: DatasetRow;
  readonly tokens: number;
}

export interface TaskRows {
  readonly format: RowFormat;
  readonly rows: readonly TaskRow[];
  /** Rows over the context, which are left out; plain text is split instead. */
  readonly tooLong: number;
}

/** Reads a JSONL file of any of the three formats. Throws `DomainError('dataset')` with everything that is wrong but rows too long. */
export async function readTaskRows(path: string, text: BaseText, contextMax: number): Promise<TaskRows> {
  const tokensByLine = new Map<number, number>();
  const options = { contextMax, longRows: 'split' } as const;
  const { report, findings } = await text.readRows(await openRows(path), options, (rows) => {
    for (const { line, tokens } of rows) tokensByLine.set(line, (tokensByLine.get(line) ?? 0) + tokens.length);
  });
  const others = findings.filter(({ severity, code }) => severity === 'error' && code !== 'row-too-long');
  refuseErrors('dataset', `${path} cannot be used:`, others);
  const { format } = report;
  if (format === undefined || report.rows === 0)
    throw new DomainError(
      'dataset',
      `${path} has no row that fits a context of ${contextMax} tokens: the shortest of its ${report.lines} rows is longer.`,
    );
  const usable: TaskRow[] = [];
  for await (const { line, json } of parsedLines(path)) {
    const tokens = tokensByLine.get(line);
    const parsed = tokens === undefined ? undefined : parseRow(json, format);
    if (tokens !== undefined && parsed && 'row' in parsed) usable.push({ json, row: parsed.row, tokens });
  }
  return { format, rows: usable, tooLong: report.lines - usable.length };
}

async function* parsedLines(path: string): AsyncGenerator<{ line: number; json: Record<string, unknown> }> {
  const source = await openFileSource(path);
  try {
    let line = 0;
    for await (const { text } of readLines(source)) {
      line++;
      if (text.trim() === '') continue;
      const json: unknown = JSON.parse(text); // lines that are not JSON were refused before
      if (detectFormats(json).length > 0) yield { line, json: json as Record<string, unknown> }; // it has the keys of a format
    }
  } finally {
    await source.close();
  }
}

/** What a row asks: all before its last answer; of plain text all of it, so that equal texts stay together. */
export function questionOf({ row }: TaskRow): string {
  if (row.format === 'text') return row.text;
  if (row.format === 'prompt-completion') return row.prompt;
  return JSON.stringify(row.messages.slice(0, lastAnswer(row.messages)));
}

/** What a row answers: a completion or the last message of the assistant; undefined for plain text, which asks nothing. */
export function answerOf({ row }: TaskRow): unknown {
  if (row.format === 'text') return undefined;
  if (row.format === 'prompt-completion') return row.completion;
  return row.messages[lastAnswer(row.messages)];
}

/** The row's JSON with another row's answer. */
export function withAnswer({ json }: TaskRow, answer: unknown): Record<string, unknown> {
  const key = 'messages' in json ? 'messages' : 'completion';
  const value = json[key];
  if (!Array.isArray(value)) return { ...json, completion: answer };
  const messages = value as readonly { readonly role?: unknown }[]; // parsed as a conversation before
  return { ...json, [key]: messages.with(lastAnswer(messages), answer as { readonly role?: unknown }) };
}

/** What a model is asked to continue: the question; of plain text its first half. */
export function promptOf({ row }: TaskRow): { readonly prompt: string } | { readonly messages: readonly unknown[] } {
  if (row.format === 'prompt-completion') return { prompt: row.prompt };
  if (row.format === 'messages') return { messages: row.messages.slice(0, lastAnswer(row.messages)) };
  const words = row.text.split(/(?= )/);
  return { prompt: words.slice(0, Math.ceil(words.length / 2)).join('') };
}

/** For people: the words of what is asked and of what is answered. */
export function wordsOf(taskRow: TaskRow): { readonly question: string; readonly answer: string } {
  const { row } = taskRow;
  if (row.format === 'prompt-completion') return { question: row.prompt, answer: row.completion };
  if (row.format === 'messages') {
    const last = lastAnswer(row.messages);
    return { question: row.messages[last - 1]?.content ?? '', answer: row.messages[last]?.content ?? '' };
  }
  const words = row.text.split(/(?= )/);
  const half = Math.ceil(words.length / 2);
  return { question: words.slice(0, half).join(''), answer: words.slice(half).join('') };
}

const lastAnswer = (messages: readonly { readonly role?: unknown }[]): number =>
  messages.findLastIndex(({ role }) => role === 'assistant');
