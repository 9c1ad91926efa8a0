import type { ChatTemplate } from './chat-template.ts';
import {
  conversationTurns,
  endOfTurnRequests,
  findEndOfTurn,
  turnRequests,
  turnSequences,
  type Conversation,
  type Turn,
} from './conversation-turns.ts';
import type { DatasetRow, RowNote } from './row-format.ts';
import type { RenderAnswer } from './template-messages.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** A row as tokens. `trained[i]` is 1 where token i is a label, predicted from the tokens before it; `trained[0]` is 0. */
export interface EncodedRow {
  /** 1-based line of the row in its file. */
  readonly line: number;
  readonly tokens: Int32Array;
  readonly trained: Uint8Array;
}

/** What turns rows into tokens. `template` is needed for conversations only. */
export interface RowEncoder {
  readonly tokenizer: TextTokenizer;
  readonly template?: ChatTemplate | undefined;
}

export interface NumberedRow {
  readonly line: number;
  readonly row: DatasetRow;
}

/** A row's tokens; several parts where the template makes an answer stand alone, none when a note is an error. */
export interface EncodedParts {
  readonly line: number;
  readonly parts: readonly EncodedRow[];
  readonly notes: readonly RowNote[];
}

/**
 * Encodes rows and marks what is trained: the assistant's words and the token that ends its turn; a completion and the end of text;
 * every token of a plain text. Context and answer are encoded apart, because a model is shown the context alone when it is asked.
 * `bos` stands at the start exactly once, where the tokenizer adds it.
 */
export async function encodeRows(encoder: RowEncoder, rows: readonly NumberedRow[]): Promise<EncodedParts[]> {
  const { tokenizer } = encoder;
  const conversations = rows.flatMap(({ row }) => (row.format === 'messages' ? [row] : []));
  const { rendered, endOfTurn } = await renderConversations(encoder, conversations);
  let next = 0;
  return rows.map(({ line, row }) => {
    if (row.format === 'messages') return encodeConversation(tokenizer, line, row, rendered[next++], endOfTurn);
    const prompt = row.format === 'text' ? '' : row.prompt;
    const answer = row.format === 'text' ? row.text : row.completion;
    const part = joined(tokenizer, line, [{ context: prompt, answer }], true);
    return { line, parts: [part], notes: tokenizer.eos ? [] : [noEnd('the tokenizer names no eos_token')] };
  });
}

async function renderConversations({ tokenizer, template }: RowEncoder, rows: readonly Conversation[]) {
  if (!template || rows.length === 0) return { rendered: [], endOfTurn: undefined };
  const requests = rows.map(turnRequests);
  const answers = await template.renderAll([...endOfTurnRequests, ...requests.flat()]);
  let at = endOfTurnRequests.length;
  const rendered = requests.map(({ length }) => answers.slice(at, (at += length)));
  return { rendered, endOfTurn: findEndOfTurn(answers.slice(0, endOfTurnRequests.length), tokenizer.addedTokens) };
}

function encodeConversation(
  tokenizer: TextTokenizer,
  line: number,
  row: Conversation,
  rendered: readonly RenderAnswer[] | undefined,
  endOfTurn: string | undefined,
): EncodedParts {
  if (!rendered)
    return { line, parts: [], notes: [{ severity: 'error', code: 'template-missing', message: templateMissing }] };
  const result = conversationTurns(row, rendered, endOfTurn);
  if ('problem' in result)
    return { line, parts: [], notes: [{ severity: 'error', code: result.code, message: result.problem }] };
  const sequences = turnSequences(result.turns);
  const notes: RowNote[] = [];
  if (sequences.length > 1)
    notes.push({
      severity: 'warning',
      code: 'conversation-split',
      message: `becomes ${sequences.length} rows: the chat template writes earlier turns differently once later ones follow`,
    });
  const untrained = turnRequests(row).length / 2 - result.turns.length;
  if (untrained > 0)
    notes.push({
      severity: 'warning',
      code: 'greeting',
      message: 'an answer before the first question is not trained',
    });
  const left = leftOut(row, result.turns);
  if (left !== undefined)
    notes.push({
      severity: 'warning',
      code: 'message-not-rendered',
      message: `the chat template leaves out or rewrites message ${left + 1}`,
    });
  if (result.turns.some(({ ended }) => !ended))
    notes.push(noEnd('the chat template ends an answer with no special token'));
  const parts = sequences.map((turns) => {
    const pieces = turns.map((turn, i) => {
      const before = turns[i - 1];
      return { ...turn, context: turn.context.slice(before ? before.context.length + before.answer.length : 0) };
    });
    return joined(tokenizer, line, pieces, turns.at(-1)?.ended === false);
  });
  return { line, parts, notes };
}

const templateMissing =
  'is a conversation, but the base has no chat template: add one to its tokenizer_config.json, or use {"prompt", "completion"} rows';

const noEnd = (reason: string): RowNote => ({
  severity: 'warning',
  code: 'no-end',
  message: `${reason}, so a model may not learn to stop`,
});

/** The first message before the last answer whose words are not in the text. */
function leftOut(row: Conversation, turns: readonly Turn[]): number | undefined {
  for (const [i, { content }] of row.messages.entries()) {
    const turn = turns.find(({ message }) => message >= i);
    const words = (content ?? '').trim();
    if (turn && !turn.answer.includes(words) && !turn.context.includes(words)) return i;
  }
  return undefined;
}

/** Encodes contexts and answers in turn. `close`: whether the end of text stands, trained, behind the last answer. */
function joined(
  tokenizer: TextTokenizer,
  line: number,
  pieces: readonly { readonly context: string; readonly answer: string }[],
  close: boolean,
): EncodedRow {
  const { eos } = tokenizer;
  const tokens: number[] = [];
  const spans: [start: number, end: number][] = [];
  for (const [i, { context, answer }] of pieces.entries()) {
    if (context !== '')
      append(tokens, i === 0 ? encodeStart(tokenizer, context) : tokenizer.encodeAfter(tokens.at(-1), context));
    const start = tokens.length;
    append(tokens, start === 0 ? encodeStart(tokenizer, answer) : tokenizer.encodeAfter(tokens.at(-1), answer));
    if (close && i === pieces.length - 1 && eos && tokens.at(-1) !== eos.id) tokens.push(eos.id);
    spans.push([start, tokens.length]);
  }
  const trained = new Uint8Array(tokens.length);
  for (const [start, end] of spans) trained.fill(1, Math.max(start, 1), end); // nothing stands before the first token to predict it from
  return { line, tokens: Int32Array.from(tokens), trained };
}

/** Tokens of a text that begins a sequence. */
export function encodeStart(tokenizer: TextTokenizer, text: string): number[] {
  const { bos, addsBos } = tokenizer;
  const tokens = tokenizer.encode(text);
  return bos && addsBos && tokens[0] !== bos.id ? [bos.id, ...tokens] : tokens;
}

/** Spreading into `push` would overflow the stack for long texts. */
function append(tokens: number[], more: readonly number[]): void {
  for (const token of more) tokens.push(token);
}
