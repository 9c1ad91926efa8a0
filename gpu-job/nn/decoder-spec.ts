import type { RopeSpec } from './rotary.ts';

/** A decoder with rotary positions, grouped queries and a gated MLP: what Llama and its many descendants share. */
export interface DecoderSpec {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** What the scores of attention are multiplied by; 1 / sqrt(headDim) in most models. */
  readonly attentionScale: number;
  /** Whether each head of queries and keys is normalised before it is turned (`q_norm`, `k_norm`). */
  readonly queryKeyNorm: boolean;
  /** Whether queries, keys and values come out of one module (`qkv_proj`), and gate and up of another (`gate_up_proj`). */
  readonly fusedProjections: boolean;
  readonly activation: 'silu' | 'gelu-tanh';
  readonly rmsNormEpsilon: number;
  /** What a norm multiplies by: the stored weight, or one more. */
  readonly normFactor: 'weight' | 'one-plus-weight';
  /** Whether what attention and MLP add is normalised as well as what they read. */
  readonly normsAfter: boolean;
  /** What the input embeddings are multiplied by. */
  readonly embeddingScale: number;
  readonly maxPositions: number;
  /** How each layer turns queries and keys; undefined: not at all. Layers that turn alike share one object. */
  readonly ropes: readonly (RopeSpec | undefined)[];
  readonly tiedEmbeddings: boolean;
  /** Which projections carry a bias. */
  readonly bias: { readonly qkv: boolean; readonly o: boolean; readonly mlp: boolean };
  /** Attention window of each layer in tokens; undefined: the whole past. */
  readonly windows: readonly (number | undefined)[];
  /** Standard deviation of the weights when a model starts from random ones. */
  readonly initializerRange: number;
}

/** Texts of more tokens than this turn otherwise than shorter ones (LongRoPE); undefined: all turn alike. */
export function longTextTokens(spec: Pick<DecoderSpec, 'ropes'>): number | undefined {
  const lengths = distinctRopes(spec).map(({ scaling }) =>
    scaling.type === 'longrope' ? scaling.originalMaxPositions : undefined,
  );
  return lengths.find((length) => length !== undefined);
}

/** The ropes that some layer uses, each once, in the order of the layers. */
export function distinctRopes({ ropes }: Pick<DecoderSpec, 'ropes'>): readonly RopeSpec[] {
  return [...new Set(ropes.filter((rope) => rope !== undefined))];
}
