import { timesDim, type Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { attention } from './attention.ts';
import type { ForwardContext } from './forward-context.ts';
import { gatedMlp } from './mlp.ts';
import type { RopeSpec } from './rotary.ts';

/** A pre-norm decoder with rotary positions, grouped queries and a gated MLP: what Llama and its many descendants share. */
export interface DecoderSpec {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rmsNormEpsilon: number;
  readonly maxPositions: number;
  readonly rope: RopeSpec;
  readonly tiedEmbeddings: boolean;
  /** Which projections carry a bias. */
  readonly bias: { readonly qkv: boolean; readonly o: boolean; readonly mlp: boolean };
  /** Attention window of each layer in tokens; undefined: the whole past. */
  readonly windows: readonly (number | undefined)[];
  /** Standard deviation of the weights when a model starts from random ones. */
  readonly initializerRange: number;
}

export interface LinearModule {
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}

export interface CheckpointTensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: 'embedding' | 'matrix' | 'norm' | 'bias';
}

const embedding = 'model.embed_tokens.weight';
const outputModule = 'lm_head';

/** Final hidden states [N, H] with N = B * T, normalised: what the output embedding is applied to. */
export function decoderForward(spec: DecoderSpec, context: ForwardContext): Tensor {
  const { graph } = context;
  const count = context.inputIds.dims.reduce<Dim>(timesDim, 1);
  const norm = (name: string, x: Tensor): Tensor =>
    graph.apply('RmsNorm', [x, context.weight(`${name}.weight`)], { epsilon: spec.rmsNormEpsilon });

  let x = graph.gather(context.weight(embedding), graph.reshape(context.inputIds, [count])); // [N, H]
  for (let i = 0; i < spec.layers; i++) {
    const layer = `model.layers.${i}`;
    x = graph.scope(layer, () => {
      const attended = attention(
        context,
        spec,
        `${layer}.self_attn`,
        i,
        spec.windows[i],
        norm(`${layer}.input_layernorm`, x),
      );
      const middle = graph.add(x, attended);
      return graph.add(middle, gatedMlp(context, `${layer}.mlp`, norm(`${layer}.post_attention_layernorm`, middle)));
    });
  }
  return norm('model.norm', x);
}

/** Name of the checkpoint tensor that turns hidden states into logits. */
export const outputEmbedding = (spec: DecoderSpec): string =>
  spec.tiedEmbeddings ? embedding : `${outputModule}.weight`;

/** The linear modules of the layers, in order: what `all-linear` means (the output embedding is not among them). */
export function decoderLinears(spec: DecoderSpec): readonly LinearModule[] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, bias } = spec;
  return Array.from({ length: spec.layers }, (_, i) => {
    const attn = `model.layers.${i}.self_attn`;
    const mlp = `model.layers.${i}.mlp`;
    const linear = (module: string, inFeatures: number, outFeatures: number, hasBias: boolean): LinearModule => ({
      module,
      inFeatures,
      outFeatures,
      bias: hasBias,
    });
    return [
      linear(`${attn}.q_proj`, hiddenSize, heads * headDim, bias.qkv),
      linear(`${attn}.k_proj`, hiddenSize, kvHeads * headDim, bias.qkv),
      linear(`${attn}.v_proj`, hiddenSize, kvHeads * headDim, bias.qkv),
      linear(`${attn}.o_proj`, heads * headDim, hiddenSize, bias.o),
      linear(`${mlp}.gate_proj`, hiddenSize, intermediateSize, bias.mlp),
      linear(`${mlp}.up_proj`, hiddenSize, intermediateSize, bias.mlp),
      linear(`${mlp}.down_proj`, intermediateSize, hiddenSize, bias.mlp),
    ];
  }).flat();
}

/** Every tensor the checkpoint must hold, in the order a model file keeps them. */
export function decoderTensors(spec: DecoderSpec): readonly CheckpointTensorSpec[] {
  const { vocabSize, hiddenSize } = spec;
  const norm = (name: string): CheckpointTensorSpec => ({ name: `${name}.weight`, shape: [hiddenSize], kind: 'norm' });
  const layers = decoderLinears(spec).flatMap(({ module, inFeatures, outFeatures, bias }): CheckpointTensorSpec[] => [
    { name: `${module}.weight`, shape: [outFeatures, inFeatures], kind: 'matrix' },
    ...(bias ? [{ name: `${module}.bias`, shape: [outFeatures], kind: 'bias' as const }] : []),
  ]);
  const norms = Array.from({ length: spec.layers }, (_, i) => [
    norm(`model.layers.${i}.input_layernorm`),
    norm(`model.layers.${i}.post_attention_layernorm`),
  ]).flat();
  return [
    { name: embedding, shape: [vocabSize, hiddenSize], kind: 'embedding' },
    ...layers,
    ...norms,
    norm('model.norm'),
    ...(spec.tiedEmbeddings
      ? []
      : [{ name: `${outputModule}.weight`, shape: [vocabSize, hiddenSize], kind: 'matrix' as const }]),
  ];
}
