import { invariant } from '../errors.ts';
import type { ChatMessage, RenderAnswer, RenderRequest } from './template-messages.ts';

/** A conversation whose answers from `trainedFrom` on are trained. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly trainedFrom?: number;
}

/** One trained answer as the template writes it. */
export interface Turn {
  /** Index of the answer among the messages. */
  readonly message: number;
  /** All that the model is shown before it answers. */
  readonly context: string;
  /** What it is to answer, the end of its turn included; what the template writes behind that is not part of it. */
  readonly answer: string;
  /** Whether the template wrote an end of turn. */
  readonly ended: boolean;
}

/** Indices of the answers that are trained; `"weight": 0` in a message makes it context, as in OpenAI's files. */
export const trainedAnswers = ({ messages, trainedFrom = 0 }: Conversation): number[] =>
  messages.flatMap(({ role, weight }, i) => (role === 'assistant' && i >= trainedFrom && weight !== 0 ? [i] : []));

/** Renderings from which `conversationTurns` tells the turns: for each trained answer all before it, and all up to and with it. */
export function turnRequests(conversation: Conversation): RenderRequest[] {
  const tools = conversation.tools ? { tools: conversation.tools } : {};
  return trainedAnswers(conversation).flatMap((i) => [
    { messages: conversation.messages.slice(0, i), addGenerationPrompt: true, ...tools },
    { messages: conversation.messages.slice(0, i + 1), addGenerationPrompt: false, ...tools },
  ]);
}

/**
 * Tells context and answer of each turn apart by where two renderings part, never by looking for the answer's words, which
 * templates trim and rewrite. The result is a problem when the template refuses the conversation, or writes the start of an
 * answer differently from what the model is shown when it is asked. `endOfTurn`: see `findEndOfTurn`.
 */
export function conversationTurns(
  conversation: Conversation,
  rendered: readonly RenderAnswer[],
  endOfTurn: string | undefined,
): { readonly turns: readonly Turn[] } | { readonly code: string; readonly problem: string } {
  const turns: Turn[] = [];
  for (const [turn, message] of trainedAnswers(conversation).entries()) {
    const [before, after] = [rendered[2 * turn], rendered[2 * turn + 1]];
    invariant(before && after, 'a turn has two renderings');
    if ('error' in after) return refusal(after.error);
    const rest =
      'error' in before ? undefined : answerBehind(before.text, after.text, conversation.messages[message - 1]);
    if ('error' in before || rest === undefined) {
      // many templates cannot ask for a greeting; it is context then
      if (isGreeting(conversation, message)) continue;
      return 'error' in before ? refusal(before.error) : { code: 'template-context', problem: tornContext };
    }
    const end = endOfTurn === undefined ? -1 : rest.lastIndexOf(endOfTurn);
    const ended = end >= 0;
    const answer = ended ? rest.slice(0, end + (endOfTurn ?? '').length) : rest;
    turns.push({ message, context: before.text, answer, ended });
  }
  if (turns.length === 0) return { code: 'completion-missing', problem: 'no answer follows a question' };
  return { turns };
}

const isGreeting = ({ messages }: Conversation, message: number): boolean =>
  messages.slice(0, message).every(({ role }) => role === 'system' || role === 'developer');

const refusal = (error: string) => ({ code: 'template-refuses', problem: `the chat template refuses it: ${error}` });

/**
 * What the template writes behind a context once the answer is there. Where it also rewrites the context itself (Mistral shows the
 * system text in the last message only), the words that come right before the answer must still be there: the message before it
 * with all that the template writes behind that, as often as in the context.
 */
function answerBehind(context: string, whole: string, question: ChatMessage | undefined): string | undefined {
  if (whole.startsWith(context)) return whole.slice(context.length);
  const words = (question?.content ?? '').trim();
  const at = words === '' ? -1 : context.lastIndexOf(words);
  if (at < 0) return undefined;
  const opening = context.slice(at);
  if (whole.split(opening).length !== context.split(opening).length) return undefined;
  return whole.slice(whole.lastIndexOf(opening) + opening.length);
}

/**
 * Chains turns into sequences. Mostly that is one sequence: each context begins with the turn before it. Where a template writes
 * earlier turns differently once later ones follow (Mistral moves the system text, others drop thoughts), a turn starts a sequence
 * of its own, so that each answer is trained behind exactly what the model will be shown.
 */
export function turnSequences(turns: readonly Turn[]): Turn[][] {
  const sequences: Turn[][] = [];
  let done: string | undefined;
  for (const turn of turns) {
    const sequence = sequences.at(-1);
    if (sequence && done !== undefined && turn.context.startsWith(done)) sequence.push(turn);
    else sequences.push([turn]);
    done = turn.context + turn.answer;
  }
  return sequences;
}

/** Renderings from which `findEndOfTurn` learns how the template ends an answer; some templates insist on a system text. */
export const endOfTurnRequests: readonly RenderRequest[] = [[], [{ role: 'system', content: 'system' }]].map(
  (first) => ({
    messages: [...first, { role: 'user', content: 'question' }, { role: 'assistant', content: 'probe answer' }],
    addGenerationPrompt: false,
  }),
);

/**
 * The text of the token that ends an answer: the first of the tokenizer's added tokens that the template writes behind one.
 * Undefined when it writes none, so that nothing tells the model to stop.
 */
export function findEndOfTurn(
  rendered: readonly RenderAnswer[],
  addedTokens: ReadonlyMap<number, string>,
): string | undefined {
  const text = rendered.map((given) => ('text' in given ? given.text : '')).find((given) => given.includes(probe));
  if (text === undefined) return undefined;
  const tail = text.slice(text.lastIndexOf(probe) + probe.length);
  let [first, at] = [undefined as string | undefined, Infinity];
  for (const token of addedTokens.values()) {
    const found = tail.indexOf(token);
    if (found >= 0 && (found < at || (found === at && token.length > (first?.length ?? 0))))
      [first, at] = [token, found];
  }
  return first;
}

const probe = 'probe answer';

const tornContext =
  'the chat template begins an answer differently from what the model is shown when it is asked, so what is to be trained cannot be told';
