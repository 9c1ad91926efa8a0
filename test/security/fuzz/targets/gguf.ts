import { bytesSource } from '../../../../shared/formats/bytes.ts';
import { readGgufHeader } from '../../../../shared/formats/gguf-header.ts';
import { tokenizerFromGguf } from '../../../../shared/formats/gguf-tokenizer.ts';
import type { GgufValue } from '../../../../shared/formats/gguf-types.ts';
import { loadTokenizer } from '../../../../shared/text/tokenizer.ts';
import { writeGguf } from '../../../support/write-gguf.ts';
import { damageBytes } from '../damage-bytes.ts';
import { damageJson, jsonBytes, type Json } from '../damage-json.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

export const ggufTarget: FuzzTarget = {
  name: 'gguf',
  input(random) {
    const tensors = random.several(0, 4, (at) => {
      const shape = random.several(1, 3, () => 1 + random.below(4));
      return [
        `blk.${at}.attn_q.weight`,
        { shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
      ] as const;
    });
    const metadata = {
      'general.architecture': 'llama',
      'llama.block_count': { uint32: random.below(8) },
      'llama.rope.freq_base': { float32: 10_000 },
      'tokenizer.ggml.add_bos_token': random.chance(0.5),
      'tokenizer.ggml.tokens': random.several(0, 5, (at) => `t${at}é`),
      'tokenizer.ggml.token_type': { int32s: random.several(0, 5, () => 1) },
      ...(random.chance(0.3) ? { 'general.alignment': { uint32: random.pick([32, 32, 64, 16, 8, 7, 0]) } } : {}),
    };
    let bytes = writeGguf(metadata, Object.fromEntries(tensors));
    if (random.chance(0.7)) for (let i = 1 + random.below(3); i > 0; i--) bytes = damageBytes(random, bytes);
    return bytes;
  },
  read: (bytes) => read(bytes),
  planted: {
    fault: 'room for as many tensors as the file says',
    read(bytes) {
      if (bytes.length < 16) return read(bytes);
      const count = Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(8, true));
      const room = Array.from({ length: count }, () => [0, 0, 0, 0]);
      return room.length === count ? read(bytes) : undefined;
    },
  },
};

async function read(bytes: Uint8Array): Promise<void> {
  const { tensors, dataOffset } = await readGgufHeader(bytesSource(bytes));
  const count = Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(8, true));
  if (tensors.size !== count) throw new Unsound(`${tensors.size} of ${count} tensors`);
  let at = dataOffset;
  for (const { name, offset, lengthBytes } of [...tensors.values()].toSorted((a, b) => a.offset - b.offset)) {
    if (lengthBytes > 0 && offset < at) throw new Unsound(`${name} begins at ${offset}, before ${at}`);
    at = Math.max(at, offset + lengthBytes);
  }
  if (tensors.size > 0 && at > bytes.length) throw new Unsound(`data end at ${at} of ${bytes.length} bytes`);
}

const letters = Array.from('abcdefgh');

export const ggufTokenizerTarget: FuzzTarget = {
  name: 'gguf-tokenizer',
  input(random) {
    const pairs = random.several(0, 4, (at) => [letters[at] ?? 'a', letters[at + 1] ?? 'b']);
    const tokens = [...letters, ...pairs.map(([a = '', b = '']) => a + b), '<|end|>'];
    let metadata: Json = {
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': random.pick(['default', 'smollm', 'qwen2', 'llama-bpe']),
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.merges': pairs.map(([a = '', b = '']) => `${a} ${b}`),
      'tokenizer.ggml.token_type': tokens.map((token) => (token.startsWith('<') ? 3 : 1)),
      'tokenizer.ggml.eos_token_id': tokens.length - 1,
      'tokenizer.ggml.add_bos_token': false,
    };
    if (random.chance(0.7)) for (let i = 1 + random.below(2); i > 0; i--) metadata = damageJson(random, metadata);
    return jsonBytes(random, { metadata, size: tokens.length }, 0);
  },
  read: (bytes) => readTokenizer(bytes),
  planted: {
    fault: 'merges that are taken for pairs',
    read(bytes) {
      const merges = metadataOf(bytes).get('tokenizer.ggml.merges') as string[];
      for (const merge of merges) if ((merge.split(' ')[1] as string).length === 0) throw new Error('half a merge');
      return readTokenizer(bytes);
    },
  },
};

const metadataOf = (bytes: Uint8Array): Map<string, GgufValue> => {
  const { metadata } = JSON.parse(new TextDecoder().decode(bytes)) as { metadata: Record<string, GgufValue> | null };
  return new Map(Object.entries(metadata ?? {}));
};

function readTokenizer(bytes: Uint8Array): void {
  const { size } = JSON.parse(new TextDecoder().decode(bytes)) as { size: number };
  const { tokenizerJson, tokenizerConfig } = tokenizerFromGguf(metadataOf(bytes), size, 'model.gguf');
  const tokenizer = loadTokenizer({ tokenizerJson, tokenizerConfig });
  tokenizer.decode(tokenizer.encode('abc <|end|>'));
}
