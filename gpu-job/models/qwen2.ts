import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { readCommon, readUpperWindows, sameRope } from './decoder-config.ts';
import { readRope } from './rope-config.ts';

/** Qwen2 and Qwen2.5: biases on the query, key and value projections, and a window in the upper layers when it is switched on. */
export const qwen2: Architecture = { modelTypes: ['qwen2'], read };

function read(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const reader = new ConfigReader(config);
  const common = readCommon(reader);
  const spec: DecoderSpec = {
    ...common,
    ropes: sameRope(common.layers, readRope(reader, common)),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
    bias: { qkv: true, o: false, mlp: false },
    windows: readUpperWindows(reader, common.layers),
  };
  reader.finish('Qwen2');
  return spec;
}
