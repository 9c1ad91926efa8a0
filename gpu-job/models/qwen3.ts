import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { readCommon, readUpperWindows, sameRope } from './decoder-config.ts';
import { readRope } from './rope-config.ts';

/** Qwen3, dense: heads of a size of their own, queries and keys normalised head by head, windows as in Qwen2. */
export const qwen3: Architecture = { modelTypes: ['qwen3'], read };

function read(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const reader = new ConfigReader(config);
  const common = readCommon(reader, { headDim: 128, kvHeads: 32, maxPositions: 32_768 });
  const attentionBias = reader.boolean('attention_bias', false);
  const spec: DecoderSpec = {
    ...common,
    queryKeyNorm: true,
    ropes: sameRope(common.layers, readRope(reader, common)),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
    bias: { qkv: attentionBias, o: attentionBias, mlp: false },
    windows: readUpperWindows(reader, common.layers),
  };
  reader.finish('Qwen3');
  return spec;
}
