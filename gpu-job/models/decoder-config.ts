import type { DecoderSpec } from '../nn/decoder-spec.ts';
import { blocksMethod } from '../../shared/formats/packing.ts';
import type { RopeSpec } from '../nn/rotary.ts';
import type { ConfigReader } from './config-reader.ts';
import { limits } from '../../shared/limits.ts';

export type CommonSpec = Omit<DecoderSpec, 'bias' | 'ropes' | 'windows' | 'tiedEmbeddings'>;

/** What transformers takes where a config of some architecture lacks a key; absent: what it takes for Llama. */
export interface ConfigDefaults {
  readonly headDim?: number;
  readonly kvHeads?: number;
  readonly maxPositions?: number;
  readonly rmsNormEpsilon?: number;
  /** The one activation of its MLP, and the key that says so. */
  readonly activation?: readonly [key: string, word: string];
}

/** The keys that every decoder config shares, checked against each other, and of what they do not say what Llama does. */
export function readCommon(reader: ConfigReader, defaults: ConfigDefaults = {}): CommonSpec {
  const hiddenSize = reader.positiveInteger('hidden_size');
  const heads = reader.positiveInteger('num_attention_heads');
  const kvHeads = reader.positiveInteger('num_key_value_heads', defaults.kvHeads ?? heads);
  if (!reader.has('head_dim') && defaults.headDim === undefined && hiddenSize % heads !== 0)
    reader.refuse(
      'num_attention_heads',
      `${heads} heads do not divide hidden_size ${hiddenSize}, and head_dim is not given.`,
    );
  if (heads % kvHeads !== 0)
    reader.refuse('num_key_value_heads', `${kvHeads} does not divide num_attention_heads ${heads}.`);
  const headDim = reader.positiveInteger('head_dim', defaults.headDim ?? Math.max(1, Math.floor(hiddenSize / heads)));
  const [activationKey, activation] = defaults.activation ?? ['hidden_act', 'silu'];
  reader.word(activationKey, [activation], activation);
  if (reader.boolean('rope_interleaved', false))
    reader.refuse('rope_interleaved', 'Rotary embedding is computed on halves, not on neighbouring pairs.');
  checkPacking(reader);
  return {
    vocabSize: reader.positiveInteger('vocab_size'),
    hiddenSize,
    intermediateSize: reader.positiveInteger('intermediate_size'),
    layers: readLayers(reader),
    heads,
    kvHeads,
    headDim,
    attentionScale: 1 / Math.sqrt(headDim),
    queryKeyNorm: false,
    fusedProjections: false,
    activation: 'silu',
    rmsNormEpsilon: reader.positiveNumber('rms_norm_eps', defaults.rmsNormEpsilon ?? 1e-6),
    normFactor: 'weight',
    normsAfter: false,
    embeddingScale: 1,
    maxPositions: reader.positiveInteger('max_position_embeddings', defaults.maxPositions ?? 2048),
    initializerRange: reader.positiveNumber('initializer_range', 0.02),
  };
}

/** How many layers there are; too many are refused before each is described. */
function readLayers(reader: ConfigReader): number {
  const layers = reader.positiveInteger('num_hidden_layers');
  if (layers <= limits.modelLayersMax) return layers;
  reader.refuse('num_hidden_layers', `${layers} layers are more than ${limits.modelLayersMax}.`);
  return 1;
}

/** Packed weights do not change what is computed, if they are of a kind that is unpacked. */
function checkPacking(reader: ConfigReader): void {
  const entry = reader.entry('quantization_config');
  if (!entry) return;
  const { quant_method: method, bnb_4bit_quant_type: type } = entry;
  if (method === blocksMethod || (method === 'bitsandbytes' && type === 'nf4')) return;
  const name = [method, type].filter((part) => typeof part === 'string').join(' ');
  reader.refuse(
    'quantization_config',
    `Weights packed as ${name} are not known: ${blocksMethod} and bitsandbytes nf4 are.`,
  );
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

/**
 * Windows as Qwen writes them: `sliding_window` is in force where `use_sliding_window` says so, in the layers from `max_window_layers` on
 * or in those that `layer_types` names.
 */
export function readUpperWindows(reader: ConfigReader, layers: number): (number | undefined)[] {
  const window = readSwitchedWindow(reader);
  const firstWindowed = reader.value('max_window_layers', layers);
  if (typeof firstWindowed !== 'number' || !Number.isInteger(firstWindowed) || firstWindowed < 0)
    reader.refuse('max_window_layers', `${JSON.stringify(firstWindowed)} is not a number of layers.`);
  return (
    readLayerTypes(reader, layers, window) ??
    Array.from({ length: layers }, (_, i) => (i >= Number(firstWindowed) ? window : undefined))
  );
}

/** `sliding_window` where `use_sliding_window` switches it on. */
export function readSwitchedWindow(reader: ConfigReader): number | undefined {
  const sliding = reader.boolean('use_sliding_window', false);
  const length = reader.has('sliding_window') ? reader.positiveInteger('sliding_window') : undefined;
  reader.value('sliding_window');
  if (sliding && length === undefined)
    reader.refuse('sliding_window', 'use_sliding_window is true, but no length is given.');
  return sliding ? length : undefined;
}

/** One rope in all layers. */
export function sameRope(layers: number, rope: RopeSpec): RopeSpec[] {
  return Array.from({ length: layers }, () => rope);
}
