import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { DomainError } from '../errors.ts';

/** Text to token ids and back, as the model's own `tokenizer.json` says. */
export interface TextTokenizer {
  /** Tokens of a text; special tokens written in it are recognised, none are added. */
  encode(text: string): number[];
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  idOf(token: string): number | undefined;
  /** One more than the largest token id. */
  readonly vocabSize: number;
  readonly bos: SpecialToken | undefined;
  readonly eos: SpecialToken | undefined;
  /** Whether the model expects `bos` at the start of every text. */
  readonly addsBos: boolean;
  /** Ids of the tokens marked as special. */
  readonly specialIds: ReadonlySet<number>;
}

export interface SpecialToken {
  readonly text: string;
  readonly id: number;
}

const tokenField = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)])
  .nullish();
const configSchema = z.looseObject({
  bos_token: tokenField,
  eos_token: tokenField,
  add_bos_token: z.boolean().nullish(),
});

/** Loads a tokenizer from its two parsed files. Throws `DomainError('tokenizer-malformed')` when it cannot be one. */
export function loadTokenizer(files: {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: unknown;
}): TextTokenizer {
  const config = configSchema.safeParse(files.tokenizerConfig ?? {});
  if (!config.success)
    throw new DomainError('tokenizer-malformed', `tokenizer_config.json: ${z.prettifyError(config.error)}`);
  const tokenizer = construct(files.tokenizerJson, files.tokenizerConfig ?? {});
  const special = (text: string | null | undefined): SpecialToken | undefined => {
    if (typeof text !== 'string') return undefined;
    const id = tokenizer.token_to_id(text);
    return id === undefined ? undefined : { text, id };
  };
  const bos = special(config.data.bos_token);
  const added = tokenizer.get_added_tokens_decoder();
  const encode = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  return {
    encode,
    decode: (ids, { skipSpecialTokens = false } = {}) =>
      ids.length === 0
        ? ''
        : tokenizer.decode([...ids], { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false }),
    idOf: (token) => tokenizer.token_to_id(token),
    vocabSize: 1 + Math.max(...tokenizer.get_vocab().values(), ...added.keys()),
    bos,
    eos: special(config.data.eos_token),
    addsBos: bos !== undefined && (config.data.add_bos_token ?? tokenizer.encode('a').ids[0] === bos.id),
    specialIds: new Set([...added].filter(([, token]) => token.special).map(([id]) => id)),
  };
}

function construct(tokenizerJson: unknown, tokenizerConfig: unknown): Tokenizer {
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isObject(tokenizerJson) || !('model' in tokenizerJson))
    throw new DomainError('tokenizer-malformed', 'tokenizer.json: it holds no tokenizer (there is no "model").');
  try {
    return new Tokenizer(tokenizerJson, isObject(tokenizerConfig) ? tokenizerConfig : {});
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DomainError('tokenizer-malformed', `tokenizer.json: it cannot be loaded: ${reason}`, { cause });
  }
}
