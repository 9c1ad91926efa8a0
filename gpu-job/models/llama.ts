import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { readCommon, readLayerTypes, sameRope } from './decoder-config.ts';
import { readRope } from './rope-config.ts';

/** Llama 2, 3 and 3.x, SmolLM2, and Mistral, which adds a sliding window. */
export const llama: Architecture = { modelTypes: ['llama', 'mistral'], read };

function read(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const reader = new ConfigReader(config);
  const common = readCommon(reader);
  const mistral = config['model_type'] === 'mistral';
  const window = mistral && reader.has('sliding_window') ? reader.positiveInteger('sliding_window') : undefined;
  if (mistral) reader.value('sliding_window');
  const attentionBias = reader.boolean('attention_bias', false);
  const spec: DecoderSpec = {
    ...common,
    ropes: sameRope(common.layers, readRope(reader, common)),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
    bias: { qkv: attentionBias, o: attentionBias, mlp: reader.boolean('mlp_bias', false) },
    windows: readLayerTypes(reader, common.layers, window) ?? Array.from({ length: common.layers }, () => window),
  };
  reader.finish(mistral ? 'Mistral' : 'Llama');
  return spec;
}
