import type { GgufMetadata, GgufValueToWrite } from '../../shared/formats/gguf-metadata-write.ts';
import type { GgufWrittenType } from '../../shared/formats/gguf-quantize.ts';
import type { GgufBase } from './gguf-base.ts';
import { ropeFrequencies, type RopeSpec } from '../nn/rotary.ts';

/** The metadata by which llama.cpp builds the model; the tokenizer's come beside them. Source: llama.cpp, `convert_hf_to_gguf.py`. */
export function modelMetadata(
  { spec, rope, architecture: { name: architecture } }: Pick<GgufBase, 'spec' | 'rope' | 'architecture'>,
  model: { readonly name: string; readonly type: GgufWrittenType },
): GgufMetadata {
  const own: Record<string, GgufValueToWrite> = {
    block_count: uint32(spec.layers),
    context_length: uint32(spec.maxPositions),
    embedding_length: uint32(spec.hiddenSize),
    feed_forward_length: uint32(spec.intermediateSize),
    vocab_size: uint32(spec.vocabSize),
    'attention.head_count': uint32(spec.heads),
    'attention.head_count_kv': uint32(spec.kvHeads),
    'attention.key_length': uint32(spec.headDim),
    'attention.value_length': uint32(spec.headDim),
    'attention.layer_norm_rms_epsilon': float32(spec.rmsNormEpsilon),
    'rope.dimension_count': uint32(spec.headDim),
    'rope.freq_base': float32(rope.theta),
    ...scalingMetadata(rope),
  };
  return {
    'general.architecture': architecture,
    'general.type': 'model',
    'general.name': model.name,
    'general.file_type': uint32(fileTypes[model.type]),
    'general.quantization_version': uint32(2), // of ggml's block formats; unchanged since 2023
    ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value])),
  };
}

function scalingMetadata({ scaling }: RopeSpec): Record<string, GgufValueToWrite> {
  if (scaling.type !== 'linear' && scaling.type !== 'yarn') return {};
  return {
    'rope.scaling.type': scaling.type,
    'rope.scaling.factor': float32(scaling.factor),
    ...(scaling.type === 'yarn'
      ? { 'rope.scaling.original_context_length': uint32(scaling.originalMaxPositions) }
      : {}),
  };
}

/** By how much each frequency is divided: the tensor that says Llama 3's scaling. Undefined where there is none. */
export function ropeFactors(rope: RopeSpec): Float32Array | undefined {
  if (rope.scaling.type !== 'llama3') return undefined;
  const plain = ropeFrequencies({ ...rope, scaling: { type: 'none' } });
  return Float32Array.from(ropeFrequencies(rope), (scaled, i) => (plain[i] as number) / scaled);
}

/** `general.file_type`: what most of the tensors are. Source: llama.cpp, `llama.h` (`enum llama_ftype`). */
const fileTypes: Readonly<Record<GgufWrittenType, number>> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 };

const uint32 = (value: number): GgufValueToWrite => ({ type: 'uint32', value });
const float32 = (value: number): GgufValueToWrite => ({ type: 'float32', value });
