import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { DomainError, refuseErrors, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import { checkValue } from '../check-value.ts';

/** Text to token ids and back, as the model's own `tokenizer.json` says. */
export interface TextTokenizer {
  /** Tokens of a text; special tokens written in it are recognised, none are added. */
  encode(text: string): number[];
  /**
   * Tokens of a text that continues one whose last token is `before`: as `encode`, but without the space that some tokenizers
   * put before a text that begins. `encode(a)` followed by `encodeAfter(last, b)` is what a model sees when `a` is its prompt.
   */
  encodeAfter(before: number | undefined, text: string): number[];
  /** Ids that no token has are left out. */
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
  /** Text of the tokens that stand apart from the vocabulary's merges, by id; special tokens are among them. */
  readonly addedTokens: ReadonlyMap<number, string>;
}

export interface SpecialToken {
  readonly text: string;
  readonly id: number;
}

/** Loads a tokenizer from its two parsed files, of which the config may be missing. Throws `DomainError('tokenizer-malformed')` with all findings when they are none. */
export function loadTokenizer(files: {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: unknown;
}): TextTokenizer {
  const config = parseFiles(files);
  const tokenizer = construct(files.tokenizerJson, config);
  const special = (key: 'bos_token' | 'eos_token'): SpecialToken | undefined => {
    const text = config[key];
    if (text === undefined || text === null) return undefined;
    const id = tokenizer.token_to_id(text);
    if (id === undefined) refuse(key, `names ${JSON.stringify(text)}, which is no token of tokenizer.json`);
    return { text, id: id as number }; // refused above when there is none
  };
  const bos = special('bos_token');
  const eos = special('eos_token');
  const added = [...tokenizer.get_added_tokens_decoder()];
  const addedTokens = new Map(added.map(([id, token]) => [id, token.content]));
  const specialIds = new Set(added.filter(([, token]) => token.special).map(([id]) => id));
  const encode = (text: string): number[] =>
    text === '' ? [] : known(() => tokenizer.encode(text, withoutSpecials).ids);
  return {
    encode,
    encodeAfter: continuation(encode, addedTokens),
    decode(ids, { skipSpecialTokens = false } = {}) {
      const there = ids.filter(
        (id) => tokenizer.id_to_token(id) !== undefined && !(skipSpecialTokens && specialIds.has(id)),
      );
      return there.length === 0 ? '' : known(() => tokenizer.decode(there, { clean_up_tokenization_spaces: false }));
    },
    idOf: (token) => tokenizer.token_to_id(token),
    vocabSize: [...tokenizer.get_vocab().values()].reduce((largest, id) => Math.max(largest, id), -1) + 1,
    bos,
    eos,
    addsBos: bos !== undefined && (config.add_bos_token ?? known(() => tokenizer.encode('a').ids[0] === bos.id)),
    specialIds,
    addedTokens,
  };
}

const withoutSpecials = { add_special_tokens: false } as const;

const tokenField = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)])
  .nullish();

const configSchema = z.looseObject({
  bos_token: tokenField,
  eos_token: tokenField,
  add_bos_token: z.boolean().nullish(),
});

const tokenId = z.int().min(0).lt(limits.vocabularyMax); // the library makes a list as long as the largest id
const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: tokenId, content: z.string() })).nullish(),
  model: z.looseObject({
    vocab: z.union([z.record(z.string(), tokenId), z.array(z.unknown()).max(limits.vocabularyMax)]),
  }),
});

function parseFiles(files: {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: unknown;
}): z.output<typeof configSchema> {
  const tokenizer = checkValue(tokenizerSchema, files.tokenizerJson);
  const config = checkValue(configSchema, files.tokenizerConfig ?? {});
  const findings = [
    ...(tokenizer.error?.issues ?? []).map((issue) => malformed('tokenizer.json', issue.path, issue.message)),
    ...(config.error?.issues ?? []).map((issue) => malformed('tokenizer_config.json', issue.path, issue.message)),
  ];
  refuseErrors('tokenizer-malformed', 'The tokenizer cannot be loaded:', findings);
  return config.data ?? {};
}

function malformed(file: string, path: readonly PropertyKey[], message: string): Finding {
  const where = [file, ...path.map(String)].join(': ');
  return { severity: 'error', code: 'tokenizer-malformed', where, message };
}

function refuse(key: string, message: string): never {
  const finding = malformed('tokenizer_config.json', [key], message);
  throw new DomainError('tokenizer-malformed', `${finding.where} ${message}.`, { findings: [finding] });
}

function construct(tokenizerJson: unknown, config: z.output<typeof configSchema>): Tokenizer {
  // the library iterates over these without asking
  const json = { added_tokens: [], decoder: null, post_processor: null, pre_tokenizer: null, normalizer: null };
  return known(() => new Tokenizer({ ...json, ...(tokenizerJson as object) }, config)); // parsed as an object before
}

/** The library throws plain errors for whatever is wrong with a file, some of them only when it meets a text. */
function known<T>(use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DomainError('tokenizer-malformed', `tokenizer.json cannot be loaded: ${message}`, { cause });
  }
}

/**
 * After an added token the text is encoded behind that token, which is a border for every tokenizer. Elsewhere a tokenizer that
 * begins texts with a space is given a guard to put it before; the guard's own tokens are then taken off.
 */
function continuation(
  encode: (text: string) => number[],
  addedTokens: ReadonlyMap<number, string>,
): TextTokenizer['encodeAfter'] {
  const behind = (guard: string, text: string): number[] | undefined => {
    const guardIds = encode(guard);
    const ids = encode(guard + text);
    return guardIds.every((id, i) => ids[i] === id) ? ids.slice(guardIds.length) : undefined;
  };
  const plain = encode('a');
  const guarded = behind('\n', 'a');
  const beginsWithSpace = guarded !== undefined && guarded.join() !== plain.join();
  return (before, text) => {
    if (text === '') return [];
    const token = before === undefined ? undefined : addedTokens.get(before);
    const afterToken = token === undefined ? undefined : behind(token, text);
    if (afterToken) return afterToken;
    if (before === undefined || !beginsWithSpace) return encode(text);
    for (const guard of ['\n', '|', '0']) {
      const ids = behind(guard, text);
      if (ids) return ids;
    }
    return encode(text);
  };
}
