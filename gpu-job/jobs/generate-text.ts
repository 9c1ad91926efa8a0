import { streamingDecoder } from '../../shared/text/streaming-decoder.ts';
import type { Generator } from '../generation/generator.ts';
import type { Sampling } from '../generation/sampling.ts';
import type { RandomStream } from '../training/random.ts';
import type { BaseText } from './base-text.ts';

export interface TextRequest extends Sampling {
  readonly promptIds: readonly number[];
  readonly maxNewTokens: number;
  readonly random: RandomStream;
  /** Hears the text as it grows, in pieces. */
  readonly onPiece?: (piece: string) => void;
  /** Asked before every token. */
  readonly stopRequested?: () => boolean;
}

/** Text that follows a prompt, without the token that ends it. */
export interface GeneratedText {
  readonly text: string;
  readonly tokens: number;
  readonly end: 'stop' | 'length' | 'interrupted';
}

/** Generates tokens and turns them into text. */
export async function generateText(
  generator: Generator,
  { tokenizer, stopIds }: Pick<BaseText, 'tokenizer' | 'stopIds'>,
  parameters: ReadonlyMap<string, Float32Array>,
  request: TextRequest,
): Promise<GeneratedText> {
  const decoder = streamingDecoder(tokenizer, { skipSpecialTokens: true });
  const generated = { text: '', tokens: 0 };
  const tell = (piece: string): void => {
    generated.text += piece;
    if (piece !== '') request.onPiece?.(piece);
  };
  const ended = (end: GeneratedText['end']): GeneratedText => {
    tell(decoder.end());
    return { ...generated, end };
  };
  const tokens = generator.generate(parameters, { ...request, stopIds, random: () => request.random.uniform() });
  for await (const token of tokens) {
    if (stopIds.includes(token)) return ended('stop');
    generated.tokens++;
    tell(decoder.push(token));
    if (request.stopRequested?.() === true) return ended('interrupted');
  }
  return ended('length');
}
