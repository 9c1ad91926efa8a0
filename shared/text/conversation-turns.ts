import type { ChatMessage, RenderAnswer, RenderRequest } from './template-messages.ts';

/** A conversation whose answers from `trainedFrom` on are trained. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly trainedFrom?: number;
}

/** One trained answer as the template writes it. */
export interface Turn {
  /** All that the model is shown before it answers. */
  readonly context: string;
  /** What it is to answer, the end of its turn included; what the template writes behind that is not part of it. */
  readonly answer: string;
  /** Whether the template wrote an end of turn. */
  readonly ended: boolean;
}

/** Renderings from which `conversationTurns` tells the turns: for each trained answer all before it, and all up to and with it. */
export function turnRequests(conversation: Conversation): RenderRequest[] {
  const tools = conversation.tools ? { tools: conversation.tools } : {};
  return trainedAnswers(conversation).flatMap((i) => [
    { messages: conversation.messages.slice(0, i), addGenerationPrompt: true, ...tools },
    { messages: conversation.messages.slice(0, i + 1), addGenerationPrompt: false, ...tools },
  ]);
}

/**
 * Tells context and answer of each turn apart by where two renderings part, never by looking for the message's words, which
 * templates trim and rewrite. The result is a problem when the template refuses the conversation, or changes the context of an
 * answer once the answer is there. `endOfTurn`: see `findEndOfTurn`.
 */
export function conversationTurns(
  rendered: readonly RenderAnswer[],
  endOfTurn: string | undefined,
): { readonly turns: readonly Turn[] } | { readonly code: string; readonly problem: string } {
  const turns: Turn[] = [];
  for (let i = 0; i + 1 < rendered.length; i += 2) {
    const [before, after] = [rendered[i] as RenderAnswer, rendered[i + 1] as RenderAnswer]; // i + 1 is in range
    // the reason given with the answer in place is the better one: without it, nothing may be left to render
    for (const answer of [after, before])
      if ('error' in answer)
        return { code: 'template-refuses', problem: `the chat template refuses it: ${answer.error}` };
    const [context, whole] = [textOf(before), textOf(after)];
    if (!whole.startsWith(context)) return { code: 'template-context', problem: tornContext };
    const rest = whole.slice(context.length);
    const end = endOfTurn === undefined ? -1 : rest.lastIndexOf(endOfTurn);
    const ended = end >= 0;
    turns.push({ context, answer: ended ? rest.slice(0, end + (endOfTurn ?? '').length) : rest, ended });
  }
  return { turns };
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
  const answer = rendered.find((given) => 'text' in given && given.text.includes(probe));
  if (!answer) return undefined;
  const text = textOf(answer);
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
  'the chat template writes what stands before an answer differently once the answer is there, so what is to be trained cannot be told';

const textOf = (answer: RenderAnswer): string => ('text' in answer ? answer.text : '');

export const trainedAnswers = ({ messages, trainedFrom = 0 }: Conversation): number[] =>
  messages.flatMap(({ role }, i) => (role === 'assistant' && i >= trainedFrom ? [i] : []));
