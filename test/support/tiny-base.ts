import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tinyLlamaConfig, writeRandomBase } from './random-base.ts';

const specials = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;

/** A Llama of some ten thousand random weights that reads bytes: everything a base folder has, in 60 KB. */
export const tinyBaseConfig = {
  ...tinyLlamaConfig,
  vocab_size: 272,
  max_position_embeddings: 128,
  initializer_range: 0.1,
  torch_dtype: 'float32',
  eos_token_id: 0,
};

/**
 * Writes a base folder with a byte-level tokenizer and a chat template. Without `weights`, only what random initialisation needs.
 * `config` changes the model.
 */
export async function writeTinyBase(
  folder: string,
  options: { readonly weights?: boolean; readonly config?: object } = {},
): Promise<void> {
  await writeRandomBase(folder, { ...tinyBaseConfig, ...options.config }, { seed: 5 });
  if (options.weights === false) await (await import('node:fs/promises')).rm(join(folder, 'model.safetensors'));
  const write = (name: string, value: unknown): Promise<void> => writeFile(join(folder, name), JSON.stringify(value));
  await write('tokenizer.json', byteTokenizer());
  await write('tokenizer_config.json', {
    eos_token: '<|endoftext|>',
    chat_template:
      "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
  });
}

/** A `tokenizer.json` of byte-level BPE without merges: one token for each byte, after three special ones. */
function byteTokenizer(): unknown {
  const special = specials.map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const alphabet = byteAlphabet().map((letter, i) => [letter, i + specials.length] as const);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries([...specials.map((content, id) => [content, id] as const), ...alphabet]),
      merges: [],
    },
  };
}

/** The printable stand-ins that byte-level BPE uses for the 256 bytes (GPT-2's table). */
function byteAlphabet(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}
