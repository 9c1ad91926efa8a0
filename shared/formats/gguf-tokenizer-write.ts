import { refuseErrors, type Finding } from '../errors.ts';
import type { GgufMetadata, GgufValueToWrite } from './gguf-metadata-write.ts';
import { ggufSplittingOf, ggufSplittings, ggufTokenKinds } from './gguf-splittings.ts';

/** The text side of a base model folder, as far as GGUF speaks of it. */
export interface GgufTokenizerInput {
  /** Content of `tokenizer.json` and `tokenizer_config.json`. */
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: unknown;
  readonly chatTemplate: string | undefined;
  /** Whether every text begins with the `bos` token. */
  readonly addsBos: boolean;
  /** Ids after which a text is over, as config and generation config list them. */
  readonly endIds: readonly number[];
  /** Rows of the embedding: ids without a token get a stand-in. */
  readonly vocabSize: number;
}

/**
 * GGUF metadata from which llama.cpp tokenises as the model's own `tokenizer.json` says: byte-level BPE only.
 * Throws `DomainError('gguf-tokenizer')` with all findings. Source: llama.cpp, `convert_hf_to_gguf.py` (`_set_vocab_gpt2`).
 */
export function tokenizerToGguf(input: GgufTokenizerInput): GgufMetadata {
  const findings: Finding[] = [];
  const refuse = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'gguf-tokenizer', where, message });
  const json = objectOf(input.tokenizerJson);
  const model = objectOf(json['model']);
  const pre = splittingOf(json, model, refuse);
  const { tokens, kinds } = tokenList(json, model, input.vocabSize, refuse);
  const merges = mergeList(model, refuse);
  const ids = specialIds(objectOf(input.tokenizerConfig), tokens, input.endIds, refuse);
  refuseErrors('gguf-tokenizer', 'The tokenizer cannot be written to GGUF:', findings);
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre ?? '',
    'tokenizer.ggml.tokens': { type: 'array', of: 'string', values: tokens },
    'tokenizer.ggml.token_type': { type: 'array', of: 'int32', values: kinds },
    'tokenizer.ggml.merges': { type: 'array', of: 'string', values: merges },
    ...Object.fromEntries(ids.map(([key, value]) => [`tokenizer.ggml.${key}`, { type: 'uint32', value }] as const)),
    'tokenizer.ggml.add_bos_token': input.addsBos,
    'tokenizer.ggml.add_eos_token': false,
    'tokenizer.ggml.add_space_prefix': false,
    ...(input.chatTemplate === undefined ? {} : { 'tokenizer.chat_template': input.chatTemplate }),
  } satisfies Record<string, GgufValueToWrite>;
}

type Refuse = (where: string, message: string) => void;
type Entry = Readonly<Record<string, unknown>>;

function splittingOf(json: Entry, model: Entry, refuse: Refuse): string | undefined {
  if (model['type'] !== 'BPE' || model['byte_fallback'] === true) {
    const type = model['byte_fallback'] === true ? 'a SentencePiece vocabulary (byte_fallback)' : textOf(model['type']);
    refuse('tokenizer.json: model', `it is ${type}; only byte-level BPE can be written yet`);
    return undefined;
  }
  const pre = ggufSplittingOf(json['pre_tokenizer'], json['normalizer']);
  if (pre === undefined)
    refuse(
      'tokenizer.json: pre_tokenizer',
      'it splits texts by a rule that has no name in GGUF here; known are those of GPT-2, SmolLM2, Llama 3 and Qwen2',
    );
  else if ((model['ignore_merges'] === true) !== (ggufSplittings[pre]?.ignoreMerges === true))
    refuse('tokenizer.json: model.ignore_merges', `llama.cpp takes the other value with the rule "${pre}"`);
  return pre;
}

function tokenList(
  json: Entry,
  model: Entry,
  vocabSize: number,
  refuse: Refuse,
): { readonly tokens: string[]; readonly kinds: number[] } {
  const tokens: (string | undefined)[] = Array.from({ length: vocabSize }, () => undefined);
  const kinds = tokens.map((): number => ggufTokenKinds.unused);
  const put = (id: unknown, token: unknown, kind: number): void => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || typeof token !== 'string')
      refuse('tokenizer.json', `${textOf(token)} with the id ${textOf(id)} is no token`);
    else if (id >= vocabSize)
      refuse('tokenizer.json', `the id ${id} of ${textOf(token)} is past the ${vocabSize} rows of the embedding`);
    else {
      if (tokens[id] !== undefined && tokens[id] !== token)
        refuse('tokenizer.json', `${textOf(token)} and ${textOf(tokens[id])} have the same id ${id}`);
      tokens[id] = token;
      kinds[id] = kind;
    }
  };
  for (const [token, id] of Object.entries(objectOf(model['vocab']))) put(id, token, ggufTokenKinds.normal);
  const added = Array.isArray(json['added_tokens']) ? (json['added_tokens'] as unknown[]) : [];
  for (const { id, content, special } of added.map(objectOf))
    put(id, content, special === true ? ggufTokenKinds.control : ggufTokenKinds.userDefined);
  return { tokens: tokens.map((token, id) => token ?? `[PAD${id}]`), kinds };
}

/** `a b`: older files hold such texts, newer ones pairs. */
function mergeList(model: Entry, refuse: Refuse): string[] {
  const given = Array.isArray(model['merges']) ? (model['merges'] as unknown[]) : [];
  const merges = given.map((merge) => (Array.isArray(merge) ? merge.join(' ') : String(merge)));
  const broken = merges.find((merge) => merge.split(' ').length !== 2);
  if (broken !== undefined) refuse('tokenizer.json: model.merges', `${textOf(broken)} is not two tokens`);
  return merges;
}

function specialIds(
  config: Entry,
  tokens: readonly string[],
  endIds: readonly number[],
  refuse: Refuse,
): (readonly [key: string, id: number])[] {
  const ids: (readonly [string, number])[] = [];
  for (const [name, key] of specialKeys) {
    const given = config[name];
    const content = typeof given === 'string' ? given : objectOf(given)['content'];
    if (typeof content !== 'string') continue;
    const id = tokens.indexOf(content);
    if (id < 0) refuse(`tokenizer_config.json: ${name}`, `${textOf(content)} is no token of tokenizer.json`);
    else ids.push([key, id]);
  }
  const eos = ids.find(([key]) => key === 'eos_token_id')?.[1] ?? endIds[0];
  if (eos === undefined) return ids;
  if (!ids.some(([key]) => key === 'eos_token_id')) ids.push(['eos_token_id', eos]);
  const endOfTurn = endIds.find((id) => id !== eos);
  if (endOfTurn !== undefined) ids.push(['eot_token_id', endOfTurn]);
  return ids;
}

const specialKeys = [
  ['bos_token', 'bos_token_id'],
  ['eos_token', 'eos_token_id'],
  ['unk_token', 'unknown_token_id'],
  ['pad_token', 'padding_token_id'],
] as const;

function objectOf(value: unknown): Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : {};
}

const textOf = (value: unknown): string => JSON.stringify(value) ?? 'missing';
