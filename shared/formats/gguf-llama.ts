import { refuseErrors, type Finding } from '../errors.ts';
import { canDequantizeGguf } from './gguf-dequantize.ts';
import type { GgufHeader, GgufTensor } from './gguf-header.ts';
import { ggufMetadataReader, shortestFloat32, type GgufMetadataReader } from './gguf-metadata.ts';

/** One tensor of the Hugging Face checkpoint and where it comes from. */
export interface LlamaTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly source: GgufTensor;
  /** Number of heads whose rows `unpermuteHeads` must put back in order; undefined where the order is the same. */
  readonly permutedHeads: number | undefined;
}

export interface LlamaFromGguf {
  /** `config.json`, but for token ids and the type of the weights. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly LlamaTensor[];
}

/** Name of the tensor that holds Llama 3's rotary factors: they become `rope_scaling`. */
export const ropeFactorsTensor = 'rope_freqs.weight';

/**
 * Says how a GGUF of architecture `llama` becomes a Hugging Face checkpoint: its `config.json` and its tensors, every one checked.
 * `ropeFactors` are the values of `ropeFactorsTensor`, where the file has it. Throws `DomainError('gguf-model')` with all findings.
 * Source: llama.cpp, `convert_hf_to_gguf.py` (`LlamaModel`), read backwards.
 */
export function llamaFromGguf(header: GgufHeader, fileName: string, ropeFactors?: Float32Array): LlamaFromGguf {
  const findings: Finding[] = [];
  const reader = ggufMetadataReader(header.metadata, findings);
  const architecture = reader.optionalText('general.architecture');
  if (architecture !== 'llama')
    reader.refuse(
      'general.architecture',
      `it is ${JSON.stringify(architecture ?? 'missing')}; only "llama" can be converted yet`,
    );
  const sizes = readSizes(reader, header);
  const scaling = readRopeScaling(reader, sizes, ropeFactors);
  const tensors = matchTensors(header, sizes, findings);
  refuseErrors('gguf-model', `${fileName} cannot be converted to a base model:`, findings);
  return {
    config: {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: sizes.vocabSize,
      hidden_size: sizes.hiddenSize,
      intermediate_size: sizes.intermediateSize,
      num_hidden_layers: sizes.layers,
      num_attention_heads: sizes.heads,
      num_key_value_heads: sizes.kvHeads,
      head_dim: sizes.headDim,
      hidden_act: 'silu',
      max_position_embeddings: reader.positiveInteger('llama.context_length'),
      initializer_range: 0.02,
      rms_norm_eps: shortestFloat32(reader.positiveNumber('llama.attention.layer_norm_rms_epsilon')),
      rope_theta: sizes.ropeTheta,
      rope_scaling: scaling,
      tie_word_embeddings: !header.tensors.has('output.weight'),
      attention_bias: false,
      mlp_bias: false,
    },
    tensors,
  };
}

/**
 * Puts rows back in the order of Hugging Face: within each head, GGUF interleaves the two halves that rotary embedding pairs,
 * so its row 2j + h is row h * d/2 + j. `values` is [heads * d, columns], row-major: numbers, or bytes of which a row has so many.
 */
export function unpermuteHeads<T extends Float32Array | Uint8Array>(values: T, heads: number, columns: number): T {
  const headDim = values.length / heads / columns;
  const out = values.slice() as T; // a slice is of the same type
  for (let row = 0; row < heads * headDim; row++) {
    const inHead = row % headDim;
    const home = row - inHead + (inHead & 1) * (headDim / 2) + (inHead >> 1);
    out.set(values.subarray(row * columns, (row + 1) * columns), home * columns);
  }
  return out;
}

/** The order of GGUF: what `unpermuteHeads` puts back. `values` is [heads * d, columns], row-major; a bias has one column. */
export function permuteHeads(values: Float32Array, heads: number, columns: number): Float32Array {
  const headDim = values.length / heads / columns;
  const out = new Float32Array(values.length);
  for (let row = 0; row < heads * headDim; row++) {
    const inHead = row % headDim;
    const home = row - inHead + (inHead & 1) * (headDim / 2) + (inHead >> 1);
    out.set(values.subarray(home * columns, (home + 1) * columns), row * columns);
  }
  return out;
}

interface Sizes {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly ropeTheta: number;
}

function readSizes(reader: GgufMetadataReader, header: GgufHeader): Sizes {
  const hiddenSize = reader.positiveInteger('llama.embedding_length');
  const heads = reader.positiveInteger('llama.attention.head_count');
  const headDim = reader.positiveInteger('llama.attention.key_length', Math.max(1, Math.floor(hiddenSize / heads)));
  const valueDim = reader.positiveInteger('llama.attention.value_length', headDim);
  const rotated = reader.positiveInteger('llama.rope.dimension_count', headDim);
  if (valueDim !== headDim)
    reader.refuse('llama.attention.value_length', `${valueDim} differs from the key length ${headDim}`);
  if (rotated !== headDim || headDim % 2 !== 0)
    reader.refuse(
      'llama.rope.dimension_count',
      `${rotated} of ${headDim} dimensions are rotated; all of an even number must be`,
    );
  if ((reader.optionalInteger('llama.expert_count') ?? 0) > 0)
    reader.refuse('llama.expert_count', 'mixtures of experts cannot be converted yet');
  return {
    layers: reader.positiveInteger('llama.block_count'),
    hiddenSize,
    intermediateSize: reader.positiveInteger('llama.feed_forward_length'),
    heads,
    kvHeads: reader.positiveInteger('llama.attention.head_count_kv', heads),
    headDim,
    // The embedding is the truth: some files state a vocabulary without its padding.
    vocabSize: header.tensors.get('token_embd.weight')?.shape[0] ?? 1,
    ropeTheta: shortestFloat32(reader.positiveNumber('llama.rope.freq_base', 10_000)),
  };
}

function readRopeScaling(
  reader: GgufMetadataReader,
  sizes: Sizes,
  factors: Float32Array | undefined,
): Record<string, unknown> | null {
  const type = reader.optionalText('llama.rope.scaling.type') ?? 'none';
  if (type === 'linear')
    return { rope_type: 'linear', factor: shortestFloat32(reader.positiveNumber('llama.rope.scaling.factor')) };
  if (type !== 'none') reader.refuse('llama.rope.scaling.type', `${JSON.stringify(type)} cannot be converted yet`);
  if (factors === undefined) return null;
  const scaling = {
    rope_type: 'llama3',
    factor: Math.max(1, ...factors),
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  const expected = llama3Factors(scaling, sizes);
  const same =
    factors.length === expected.length &&
    expected.every((factor, i) => Math.abs((factors[i] as number) / factor - 1) < 1e-4);
  if (!same)
    reader.refuse(
      ropeFactorsTensor,
      "its rotary factors are not those of Llama 3's scaling, and config.json knows no other",
    );
  return scaling;
}

/** factor_i = 1 / ((1 - s) / factor + s), s = clamp((context / wavelength_i - low) / (high - low), 0, 1). */
function llama3Factors(
  scaling: {
    factor: number;
    low_freq_factor: number;
    high_freq_factor: number;
    original_max_position_embeddings: number;
  },
  { headDim, ropeTheta }: Sizes,
): number[] {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context } = scaling;
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * i) / headDim);
    const s = Math.min(1, Math.max(0, (context / wavelength - low) / (high - low)));
    return 1 / ((1 - s) / factor + s);
  });
}

function matchTensors(header: GgufHeader, sizes: Sizes, findings: Finding[]): LlamaTensor[] {
  const error = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'gguf-tensor', where, message });
  const wanted = expectedTensors(sizes);
  if (header.tensors.has('output.weight'))
    wanted.push(['output', 'lm_head', [sizes.vocabSize, sizes.hiddenSize], undefined]);
  const strangers = new Set(header.tensors.keys());
  strangers.delete(ropeFactorsTensor);
  const tensors: LlamaTensor[] = [];
  for (const [theirs, ours, shape, permutedHeads] of wanted) {
    const source = header.tensors.get(`${theirs}.weight`);
    strangers.delete(`${theirs}.weight`);
    if (source === undefined) error(`${theirs}.weight`, 'the file does not hold this tensor');
    else if (source.shape.join() !== shape.join())
      error(source.name, `its shape is [${source.shape.join(', ')}], but the metadata make it [${shape.join(', ')}]`);
    else if (!canDequantizeGguf(source.type.name))
      error(source.name, `values stored as ${source.type.name} cannot be decoded yet`);
    else tensors.push({ name: `${ours}.weight`, shape, source, permutedHeads });
  }
  for (const name of strangers) error(name, 'a Llama model has no place for this tensor');
  return tensors;
}

type Expected = [theirs: string, ours: string, shape: number[], permutedHeads: number | undefined];

function expectedTensors({
  layers,
  hiddenSize,
  intermediateSize,
  heads,
  kvHeads,
  headDim,
  vocabSize,
}: Sizes): Expected[] {
  const expected: Expected[] = [
    ['token_embd', 'model.embed_tokens', [vocabSize, hiddenSize], undefined],
    ['output_norm', 'model.norm', [hiddenSize], undefined],
  ];
  for (let i = 0; i < layers; i++) {
    const [theirs, ours] = [`blk.${i}`, `model.layers.${i}`];
    expected.push(
      [`${theirs}.attn_norm`, `${ours}.input_layernorm`, [hiddenSize], undefined],
      [`${theirs}.attn_q`, `${ours}.self_attn.q_proj`, [heads * headDim, hiddenSize], heads],
      [`${theirs}.attn_k`, `${ours}.self_attn.k_proj`, [kvHeads * headDim, hiddenSize], kvHeads],
      [`${theirs}.attn_v`, `${ours}.self_attn.v_proj`, [kvHeads * headDim, hiddenSize], undefined],
      [`${theirs}.attn_output`, `${ours}.self_attn.o_proj`, [hiddenSize, heads * headDim], undefined],
      [`${theirs}.ffn_norm`, `${ours}.post_attention_layernorm`, [hiddenSize], undefined],
      [`${theirs}.ffn_gate`, `${ours}.mlp.gate_proj`, [intermediateSize, hiddenSize], undefined],
      [`${theirs}.ffn_up`, `${ours}.mlp.up_proj`, [intermediateSize, hiddenSize], undefined],
      [`${theirs}.ffn_down`, `${ours}.mlp.down_proj`, [hiddenSize, intermediateSize], undefined],
    );
  }
  return expected;
}
