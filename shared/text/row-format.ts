import { z } from 'zod';
import type { ChatMessage } from './chat-template.ts';

/** The three kinds of rows: a conversation, a prompt with its completion, or plain text. One dataset holds one kind. */
export type RowFormat = 'messages' | 'prompt-completion' | 'text';

export type DatasetRow =
  | { readonly format: 'messages'; readonly messages: readonly ChatMessage[]; readonly tools?: readonly unknown[] }
  | { readonly format: 'prompt-completion'; readonly prompt: string; readonly completion: string }
  | { readonly format: 'text'; readonly text: string };

/** Keys whose presence tells the format; other keys of a row are ignored. */
const keys: Readonly<Record<RowFormat, readonly string[]>> = {
  messages: ['messages'],
  'prompt-completion': ['prompt', 'completion'],
  text: ['text'],
};

export const describeFormat = (format: RowFormat): string => `{${keys[format].map((key) => `"${key}"`).join(', ')}}`;

const messageSchema = z.looseObject({ role: z.string().min(1), content: z.string() });
const schemas = {
  messages: z.looseObject({ messages: z.array(messageSchema).min(1), tools: z.array(z.unknown()).nullish() }),
  'prompt-completion': z.looseObject({ prompt: z.string(), completion: z.string() }),
  text: z.looseObject({ text: z.string() }),
};

/** The format of a parsed row by its keys; undefined when it has none of them or those of two. */
export function detectFormat(value: unknown): RowFormat | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const found = (['messages', 'prompt-completion', 'text'] as const).filter((format) =>
    keys[format].every((key) => key in value),
  );
  return found.length === 1 ? found[0] : undefined;
}

/** Reads a row as one format; the other result is what is wrong with it, as one sentence each. */
export function parseRow(
  value: unknown,
  format: RowFormat,
): { readonly row: DatasetRow } | { readonly problems: string[] } {
  if (detectFormat(value) !== format)
    return { problems: [`it is not a row of the form ${describeFormat(format)}, which the first row has`] };
  const parsed = schemas[format].safeParse(value);
  if (!parsed.success)
    return { problems: parsed.error.issues.map((issue) => `${issue.path.join('.') || 'row'}: ${issue.message}`) };
  const row = toRow(parsed.data);
  const empty = emptiness(row);
  return empty ? { problems: [empty] } : { row };
}

function toRow(data: z.output<(typeof schemas)[RowFormat]>): DatasetRow {
  if ('messages' in data)
    return {
      format: 'messages',
      messages: data.messages as ChatMessage[], // the schema has just read them
      ...(Array.isArray(data['tools']) ? { tools: data['tools'] as unknown[] } : {}),
    };
  if ('completion' in data)
    return { format: 'prompt-completion', prompt: data.prompt as string, completion: data.completion as string }; // as above
  return { format: 'text', text: data['text'] as string };
}

/** Why a row would teach nothing, if so. */
function emptiness(row: DatasetRow): string | undefined {
  if (row.format === 'text') return row.text === '' ? 'text is empty' : undefined;
  if (row.format === 'prompt-completion') return row.completion === '' ? 'completion is empty' : undefined;
  const answers = row.messages.filter(({ role }) => role === 'assistant');
  if (answers.length === 0) return 'no message has the role "assistant", so nothing would be trained';
  return answers.every(({ content }) => content === '') ? 'every answer of the assistant is empty' : undefined;
}
