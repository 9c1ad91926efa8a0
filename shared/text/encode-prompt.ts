import { DomainError } from '../errors.ts';
import { endOfTurnRequests, findEndOfTurn } from './conversation-turns.ts';
import { encodeStart, type RowEncoder } from './encode-row.ts';
import type { ChatMessage } from './template-messages.ts';

/** What a model is asked to continue. */
export type PromptText =
  { readonly prompt: string } | { readonly messages: readonly ChatMessage[]; readonly tools?: readonly unknown[] };

/**
 * Tokens of a prompt, exactly as rows of the same text begin when they are trained on. Throws `DomainError('template-missing')`
 * for a conversation when the base has no chat template, and what `ChatTemplate.render` throws.
 */
export async function encodePrompt({ tokenizer, template }: RowEncoder, prompt: PromptText): Promise<number[]> {
  if ('prompt' in prompt) return encodeStart(tokenizer, prompt.prompt);
  if (!template)
    throw new DomainError(
      'template-missing',
      'The base has no chat template, so it cannot be asked in messages: add one to its tokenizer_config.json, or give a plain prompt.',
    );
  return encodeStart(tokenizer, await template.render({ ...prompt, addGenerationPrompt: true }));
}

/** Ids of the tokens with which an answer ends: the end of text and, where there is a chat template, its end of turn. */
export async function stopTokens({ tokenizer, template }: RowEncoder): Promise<number[]> {
  const rendered = template ? await template.renderAll(endOfTurnRequests) : [];
  const endOfTurn = findEndOfTurn(rendered, tokenizer.addedTokens);
  const ids = [tokenizer.eos?.id, endOfTurn === undefined ? undefined : tokenizer.idOf(endOfTurn)];
  return [...new Set(ids.filter((id) => id !== undefined))];
}
