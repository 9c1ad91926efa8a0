import { z } from 'zod';
import { limits } from '../limits.ts';
import { trainedAnswers } from './conversation-turns.ts';
import type { ChatMessage } from './template-messages.ts';
import { checkValue, nestsDeeper } from '../check-value.ts';

/** The three kinds of rows: a conversation, a prompt with its completion, or plain text. One dataset holds one kind. */
export type RowFormat = 'messages' | 'prompt-completion' | 'text';

export type DatasetRow =
  | {
      readonly format: 'messages';
      readonly messages: readonly ChatMessage[];
      readonly tools?: readonly unknown[];
      /** Answers before this message are context: the prompt of a {"prompt", "completion"} row made of messages. */
      readonly trainedFrom?: number;
    }
  | { readonly format: 'prompt-completion'; readonly prompt: string; readonly completion: string }
  | { readonly format: 'text'; readonly text: string };

/** What is wrong with a row, or worth knowing about it: a stable word and a sentence that goes on from the row's place. */
export interface RowNote {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
}

/** Keys whose presence tells the format; other keys of a row are ignored, `tools` beside conversations excepted. */
const formatKeys: Readonly<Record<RowFormat, readonly string[]>> = {
  messages: ['messages'],
  'prompt-completion': ['prompt', 'completion'],
  text: ['text'],
};

/** In the order in which they are looked for: a conversation often stands beside its text. */
export const rowFormats = ['messages', 'prompt-completion', 'text'] as const satisfies readonly RowFormat[];

/** Every key that is read of a row. */
export const rowKeys: readonly string[] = [...Object.values(formatKeys).flat(), 'tools'];

export const describeFormat = (format: RowFormat): string =>
  `{${formatKeys[format].map((key) => `"${key}"`).join(', ')}}`;

/** The formats whose keys a parsed row has; the first one is meant. */
export function detectFormats(value: unknown): RowFormat[] {
  if (!isObject(value)) return [];
  return rowFormats.filter((format) => formatKeys[format].every((key) => key in value));
}

/** Reads a row as one format, or says all that is wrong with it. */
export function parseRow(
  value: unknown,
  format: RowFormat,
): { readonly row: DatasetRow } | { readonly notes: readonly RowNote[] } {
  if (!isObject(value)) return { notes: [error('row-malformed', 'is not a JSON object')] };
  if (!formatKeys[format].every((key) => key in value))
    return {
      notes: [
        error('row-format', `is not of the form ${describeFormat(format)}, which the first row has${hint(value)}`),
      ],
    };
  if (format === 'text') {
    const parsed = checkValue(plainText, value);
    return parsed.success ? textRow(parsed.data.text) : malformed(parsed.error);
  }
  if (format === 'prompt-completion' && typeof value['prompt'] === 'string') {
    const parsed = checkValue(pair, value);
    return parsed.success ? completionRow(parsed.data.prompt, parsed.data.completion) : malformed(parsed.error);
  }
  if (format === 'messages') {
    const parsed = checkValue(conversation, value);
    return parsed.success ? messagesRow(parsed.data.messages, 0, parsed.data.tools) : malformed(parsed.error);
  }
  const parsed = checkValue(conversationInTwo, value);
  if (!parsed.success) return malformed(parsed.error);
  const { prompt, completion, tools } = parsed.data;
  return messagesRow([...prompt, ...completion], prompt.length, tools);
}

/** Roles that templates know; `ipython` is Llama 3's name for `tool`. */
const roles: readonly string[] = ['system', 'developer', 'user', 'assistant', 'tool', 'function', 'ipython'];
const otherNames: Readonly<Record<string, string>> = {
  human: 'user',
  gpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  ai: 'assistant',
};

const message = z
  .looseObject({ role: z.string(), content: z.string().nullish() })
  .superRefine((turn, context) => {
    const { role } = turn;
    if (!roles.includes(role)) {
      const meant = Object.hasOwn(otherNames, role) ? `; "${otherNames[role]}" is meant?` : '';
      context.addIssue({
        code: 'custom',
        path: ['role'],
        message: `${JSON.stringify(role)} is none of ${roles.join(', ')}${meant}`,
      });
    }
    if (typeof turn.content !== 'string' && !(role === 'assistant' && callsTools(turn)))
      context.addIssue({
        code: 'custom',
        path: ['content'],
        message: 'is no text; only an assistant with tool_calls may leave it out',
      });
  })
  .transform((turn) => turn as ChatMessage); // just checked; the loose type spells content as possibly undefined

const plainText = z.looseObject({ text: z.string() });
const pair = z.looseObject({ prompt: z.string(), completion: z.string() });
const conversationField = z.array(message);
const toolsField = z.array(z.unknown()).nullish();
const conversation = z.looseObject({ messages: conversationField.min(1), tools: toolsField });
const conversationInTwo = z.looseObject({
  prompt: conversationField,
  completion: conversationField.min(1),
  tools: toolsField,
});

type Parsed = ReturnType<typeof parseRow>;

function textRow(text: string): Parsed {
  if (text.trim() === '') return { notes: [error('text-empty', 'text is empty')] };
  return { row: { format: 'text', text } };
}

function completionRow(prompt: string, completion: string): Parsed {
  if (completion.trim() === '')
    return { notes: [error('completion-empty', 'completion is empty: nothing would be trained')] };
  return { row: { format: 'prompt-completion', prompt, completion } };
}

function messagesRow(
  messages: readonly ChatMessage[],
  trainedFrom: number,
  tools: readonly unknown[] | null | undefined,
): Parsed {
  const row = { format: 'messages', messages, trainedFrom, ...(tools ? { tools } : {}) } as const;
  if (messages.length > limits.conversationMessagesMax)
    return { notes: [error('row-malformed', `has more than ${limits.conversationMessagesMax} messages`)] };
  if (nestsDeeper([messages, tools], limits.rowNestingMax))
    return { notes: [error('row-malformed', `is nested more than ${limits.rowNestingMax} deep`)] };
  const answers = trainedAnswers(row);
  if (answers.length === 0)
    return { notes: [error('completion-missing', 'no message has the role "assistant": nothing would be trained')] };
  const empty = answers.filter((i) => (messages[i]?.content ?? '').trim() === '' && !callsTools(messages[i]));
  const notes = empty.map((i) => error('completion-empty', `message ${i + 1}: the assistant's content is empty`));
  return notes.length > 0 ? { notes } : { row };
}

const callsTools = (turn: Readonly<Record<string, unknown>> | undefined): boolean =>
  Array.isArray(turn?.['tool_calls']) && turn['tool_calls'].length > 0;

function malformed({ issues }: z.ZodError): Parsed {
  return {
    notes: issues.map((issue) => {
      const text =
        issue.code === 'custom' ? issue.message : issue.message.replace(/^Invalid input: expected /, 'must be ');
      return error('row-malformed', `${jsonPath(issue.path)}: ${text}`);
    }),
  };
}

const jsonPath = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');

/** What to do about a row in a layout that is known from elsewhere. */
export function hint(value: unknown): string {
  if (!isObject(value)) return '';
  if ('conversations' in value)
    return '; "conversations" with "from" and "value" must become "messages" with "role" (user, assistant) and "content"';
  if ('instruction' in value)
    return '; "instruction" with "input" must become "prompt", and "output" must become "completion"';
  const keys = Object.keys(value).slice(0, 8);
  return keys.length === 0 ? '; it is empty' : `; it has ${keys.map((key) => JSON.stringify(key)).join(', ')}`;
}

const error = (code: string, text: string): RowNote => ({ severity: 'error', code, message: text });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
