import { refuseErrors, type Finding } from '../errors.ts';
import { ggufMetadataReader, type GgufMetadataReader } from './gguf-metadata.ts';
import { ggufSplittings, ggufTokenKinds } from './gguf-splittings.ts';
import type { GgufValue } from './gguf-types.ts';

/** A tokenizer in the files of Hugging Face, rebuilt from GGUF metadata. */
export interface TokenizerFromGguf {
  /** Content of `tokenizer.json`. */
  readonly tokenizerJson: Readonly<Record<string, unknown>>;
  /** Content of `tokenizer_config.json`, chat template included. */
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  /** Token ids for `config.json` and `generation_config.json`; `eos_token_id` is a list where a turn ends with another token. */
  readonly tokenIds: Readonly<Record<string, number | readonly number[]>>;
  readonly size: number;
}

/**
 * Rebuilds a byte-level BPE tokenizer (`tokenizer.ggml.model` "gpt2") from GGUF metadata.
 * Throws `DomainError('gguf-tokenizer')` with all findings; SentencePiece vocabularies and unknown splitting rules are refused by name.
 */
export function tokenizerFromGguf(
  metadata: ReadonlyMap<string, GgufValue>,
  vocabSize: number,
  fileName: string,
): TokenizerFromGguf {
  const findings: Finding[] = [];
  const reader = ggufMetadataReader(metadata, findings);
  const model = reader.optionalText(`${prefix}model`);
  if (model !== 'gpt2')
    reader.refuse(
      `${prefix}model`,
      `it is ${JSON.stringify(model ?? 'missing')}; only byte-level BPE ("gpt2") can be rebuilt yet`,
    );
  const pre = reader.optionalText(`${prefix}pre`) ?? 'default';
  const splitting = Object.hasOwn(ggufSplittings, pre) ? ggufSplittings[pre] : undefined;
  if (splitting === undefined)
    reader.refuse(
      `${prefix}pre`,
      `the splitting rule ${JSON.stringify(pre)} is unknown; known are ${Object.keys(ggufSplittings).join(', ')}`,
    );
  if (reader.optionalFlag(`${prefix}add_space_prefix`) === true)
    reader.refuse(`${prefix}add_space_prefix`, 'byte-level BPE adds no space before a text');
  const tokens = reader.texts(`${prefix}tokens`);
  const merges = reader.texts(`${prefix}merges`);
  const types = reader.optionalIntegers(`${prefix}token_type`);
  const vocabulary = checkVocabulary(reader, tokens, merges, types, vocabSize);
  const added = addedTokens(tokens, types);
  const special = specialTokens(reader, tokens);
  const bos = reader.optionalFlag(`${prefix}add_bos_token`) === true ? special.bos_token : undefined;
  refuseErrors('gguf-tokenizer', `The tokenizer of ${fileName} cannot be rebuilt:`, findings);
  return {
    tokenizerJson: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: splitting?.normalizer ?? null,
      pre_tokenizer: splitting?.preTokenizer ?? null,
      post_processor: bos ? bosTemplate(bos) : null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: splitting?.ignoreMerges ?? false,
        vocab: vocabulary,
        merges,
      },
    },
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      add_prefix_space: false,
      add_bos_token: bos !== undefined,
      ...Object.fromEntries(Object.entries(special).map(([name, token]) => [name, token.content])),
      added_tokens_decoder: Object.fromEntries(added.map(({ id, ...token }) => [String(id), token])),
      ...chatTemplate(reader),
    },
    tokenIds: tokenIds(reader, special),
    size: tokens.length,
  };
}

const prefix = 'tokenizer.ggml.';

function checkVocabulary(
  reader: GgufMetadataReader,
  tokens: readonly string[],
  merges: readonly string[],
  types: readonly number[] | undefined,
  vocabSize: number,
): Record<string, number> {
  if (tokens.length > vocabSize)
    reader.refuse(`${prefix}tokens`, `${tokens.length} tokens do not fit an embedding of ${vocabSize} rows`);
  if (types !== undefined && types.length !== tokens.length)
    reader.refuse(`${prefix}token_type`, `it describes ${types.length} tokens of ${tokens.length}`);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  if (ids.size !== tokens.length) reader.refuse(`${prefix}tokens`, `${tokens.length - ids.size} tokens appear twice`);
  const broken = merges.filter((merge) => {
    const parts = merge.split(' ');
    return parts.length !== 2 || !ids.has(parts.join('')) || !parts.every((part) => ids.has(part));
  });
  if (broken.length > 0)
    reader.refuse(
      `${prefix}merges`,
      `${broken.length} merges do not join two tokens to a third, the first of them ${JSON.stringify(broken[0])}`,
    );
  // fromEntries defines own properties, so that no token can touch a prototype.
  return Object.fromEntries(ids);
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

function addedTokens(tokens: readonly string[], types: readonly number[] | undefined): AddedToken[] {
  return tokens.flatMap((content, id) => {
    const type = types?.[id];
    if (type !== ggufTokenKinds.control && type !== ggufTokenKinds.userDefined && type !== ggufTokenKinds.unknown)
      return [];
    const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return [{ id, content, ...plain, special: type !== ggufTokenKinds.userDefined }];
  });
}

interface SpecialToken {
  readonly id: number;
  readonly content: string;
}

function specialTokens(
  reader: GgufMetadataReader,
  tokens: readonly string[],
): Partial<Record<SpecialName, SpecialToken>> {
  const special: Partial<Record<SpecialName, SpecialToken>> = {};
  for (const [name, key] of Object.entries(specialKeys) as [SpecialName, string][]) {
    const id = reader.optionalInteger(`${prefix}${key}`);
    if (id === undefined) continue;
    const content = tokens[id];
    if (content === undefined) reader.refuse(`${prefix}${key}`, `there is no token ${id}`);
    else special[name] = { id, content };
  }
  return special;
}

type SpecialName = 'bos_token' | 'eos_token' | 'unk_token' | 'pad_token';
const specialKeys: Readonly<Record<SpecialName, string>> = {
  bos_token: 'bos_token_id',
  eos_token: 'eos_token_id',
  unk_token: 'unknown_token_id',
  pad_token: 'padding_token_id',
};

function tokenIds(
  reader: GgufMetadataReader,
  special: Partial<Record<SpecialName, SpecialToken>>,
): Record<string, number | readonly number[]> {
  const eos = special.eos_token?.id;
  const endOfTurn = reader.optionalInteger(`${prefix}eot_token_id`);
  const ends = [...new Set([eos, endOfTurn].filter((id) => id !== undefined))];
  return {
    ...(special.bos_token ? { bos_token_id: special.bos_token.id } : {}),
    ...(ends.length > 1 ? { eos_token_id: ends } : ends[0] === undefined ? {} : { eos_token_id: ends[0] }),
    ...(special.pad_token ? { pad_token_id: special.pad_token.id } : {}),
  };
}

function chatTemplate(reader: GgufMetadataReader): { chat_template?: string } {
  const template = reader.optionalText('tokenizer.chat_template');
  return template === undefined ? {} : { chat_template: template };
}

function bosTemplate({ id, content }: SpecialToken): object {
  const bos = { SpecialToken: { id: content, type_id: 0 } };
  const text = (name: string, type_id: number): object => ({ Sequence: { id: name, type_id } });
  return {
    type: 'TemplateProcessing',
    single: [bos, text('A', 0)],
    pair: [bos, text('A', 0), { SpecialToken: { id: content, type_id: 1 } }, text('B', 1)],
    special_tokens: { [content]: { id: content, ids: [id], tokens: [content] } },
  };
}
