import type { DecoderSpec } from '../nn/decoder.ts';
import type { ConfigReader } from './config-reader.ts';
import { readRope } from './rope-config.ts';

export type CommonSpec = Omit<DecoderSpec, 'bias' | 'windows' | 'tiedEmbeddings'>;

/** The keys that every pre-norm decoder config shares, checked against each other. */
export function readCommon(reader: ConfigReader): CommonSpec {
  const hiddenSize = reader.positiveInteger('hidden_size');
  const heads = reader.positiveInteger('num_attention_heads');
  const kvHeads = reader.positiveInteger('num_key_value_heads', heads);
  if (!reader.has('head_dim') && hiddenSize % heads !== 0)
    reader.refuse(
      'num_attention_heads',
      `${heads} heads do not divide hidden_size ${hiddenSize}, and head_dim is not given.`,
    );
  if (heads % kvHeads !== 0)
    reader.refuse('num_key_value_heads', `${kvHeads} does not divide num_attention_heads ${heads}.`);
  const headDim = reader.positiveInteger('head_dim', Math.max(1, Math.floor(hiddenSize / heads)));
  const maxPositions = reader.positiveInteger('max_position_embeddings', 2048);
  reader.word('hidden_act', ['silu'], 'silu');
  if (reader.boolean('rope_interleaved', false))
    reader.refuse('rope_interleaved', 'Rotary embedding is computed on halves, not on neighbouring pairs.');
  return {
    vocabSize: reader.positiveInteger('vocab_size'),
    hiddenSize,
    intermediateSize: reader.positiveInteger('intermediate_size'),
    layers: reader.positiveInteger('num_hidden_layers'),
    heads,
    kvHeads,
    headDim,
    rmsNormEpsilon: reader.positiveNumber('rms_norm_eps', 1e-6),
    maxPositions,
    rope: readRope(reader, headDim, maxPositions),
    initializerRange: reader.positiveNumber('initializer_range', 0.02),
  };
}

/**
 * The window of each layer from `layer_types`, where a config has it: entries `full_attention` and `sliding_attention`.
 * Undefined where it has not.
 */
export function readLayerTypes(
  reader: ConfigReader,
  layers: number,
  window: number | undefined,
): (number | undefined)[] | undefined {
  const types = reader.value('layer_types');
  if (types === undefined) return undefined;
  if (!Array.isArray(types) || types.length !== layers) {
    reader.refuse('layer_types', `It must list one type for each of the ${layers} layers.`);
    return undefined;
  }
  return types.map((type: unknown, i) => {
    if (type === 'full_attention') return undefined;
    if (type === 'sliding_attention' && window !== undefined) return window;
    reader.refuse(
      `layer_types[${i}]`,
      type === 'sliding_attention'
        ? 'It slides, but no sliding_window is in force.'
        : `${JSON.stringify(type)} is not known.`,
    );
    return undefined;
  });
}
