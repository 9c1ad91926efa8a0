import { timesDim, type Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { attention } from './attention.ts';
import type { DecoderSpec } from './decoder-spec.ts';
import type { ForwardContext } from './forward-context.ts';
import { gatedMlp } from './mlp.ts';
import { rmsNorm } from './norm.ts';

export interface LinearModule {
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}

export interface CheckpointTensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** `norm-offset`: the weight of a norm, stored less one. */
  readonly kind: 'embedding' | 'matrix' | 'norm' | 'norm-offset' | 'bias';
}

const inputModule = 'model.embed_tokens';
const embedding = `${inputModule}.weight`;
const outputModule = 'lm_head';

/** Names of the norms of a layer: before attention and MLP, and, where there are such, after them. */
const plainNorms = { attention: 'input_layernorm', mlp: 'post_attention_layernorm' } as const;
const surroundingNorms = {
  attention: 'input_layernorm',
  attended: 'post_attention_layernorm',
  mlp: 'pre_feedforward_layernorm',
  computed: 'post_feedforward_layernorm',
} as const;

/** Final hidden states [N, H] with N = B * T, normalised: what the output embedding is applied to. */
export function decoderForward(spec: DecoderSpec, context: ForwardContext): Tensor {
  const { graph } = context;
  const count = context.inputIds.dims.reduce<Dim>(timesDim, 1);
  const norm = (name: string, x: Tensor): Tensor => rmsNorm(context, spec, name, x);
  const names = spec.normsAfter ? surroundingNorms : { ...plainNorms, attended: undefined, computed: undefined };

  const embedded = context.embed(inputModule, graph.reshape(context.inputIds, [count])); // [N, H]
  let x = spec.embeddingScale === 1 ? embedded : graph.mul(embedded, spec.embeddingScale);
  for (let i = 0; i < spec.layers; i++) {
    const layer = `model.layers.${i}`;
    const after = (name: string | undefined, y: Tensor): Tensor => (name ? norm(`${layer}.${name}`, y) : y);
    const entering = x;
    const throughLayer = (): Tensor => {
      const read = norm(`${layer}.${names.attention}`, entering);
      const middle = graph.add(
        entering,
        after(names.attended, attention(context, spec, `${layer}.self_attn`, i, read)),
      );
      const computed = gatedMlp(context, spec, `${layer}.mlp`, norm(`${layer}.${names.mlp}`, middle));
      return graph.add(middle, after(names.computed, computed));
    };
    x = graph.scope(layer, () => graph.segment(entering, throughLayer));
  }
  return norm('model.norm', x);
}

/** Name of the checkpoint tensor that turns hidden states into logits. */
export const outputEmbedding = (spec: DecoderSpec): string =>
  spec.tiedEmbeddings ? embedding : `${outputModule}.weight`;

/** Input and output embedding, both with a weight [tokens, hidden size]; they may share one tensor. */
export function decoderEmbeddings({ vocabSize, hiddenSize }: DecoderSpec): {
  readonly input: LinearModule;
  readonly output: LinearModule;
} {
  const sizes = { inFeatures: hiddenSize, outFeatures: vocabSize, bias: false };
  return { input: { module: inputModule, ...sizes }, output: { module: outputModule, ...sizes } };
}

/** The linear modules of the layers, in order: what `all-linear` means (the output embedding is not among them). */
export function decoderLinears(spec: DecoderSpec): readonly LinearModule[] {
  return Array.from({ length: spec.layers }, (_, i) => layerLinears(spec, `model.layers.${i}`)).flat();
}

function layerLinears(spec: DecoderSpec, layer: string): readonly LinearModule[] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, bias, fusedProjections } = spec;
  const linear = (name: string, inFeatures: number, outFeatures: number, hasBias: boolean): LinearModule => ({
    module: `${layer}.${name}`,
    inFeatures,
    outFeatures,
    bias: hasBias,
  });
  const [query, key] = [heads * headDim, kvHeads * headDim];
  const first = fusedProjections
    ? [linear('self_attn.qkv_proj', hiddenSize, query + 2 * key, bias.qkv)]
    : [
        linear('self_attn.q_proj', hiddenSize, query, bias.qkv),
        linear('self_attn.k_proj', hiddenSize, key, bias.qkv),
        linear('self_attn.v_proj', hiddenSize, key, bias.qkv),
      ];
  const gates = fusedProjections
    ? [linear('mlp.gate_up_proj', hiddenSize, 2 * intermediateSize, bias.mlp)]
    : ['mlp.gate_proj', 'mlp.up_proj'].map((name) => linear(name, hiddenSize, intermediateSize, bias.mlp));
  return [
    ...first,
    linear('self_attn.o_proj', query, hiddenSize, bias.o),
    ...gates,
    linear('mlp.down_proj', intermediateSize, hiddenSize, bias.mlp),
  ];
}

/** Every tensor the checkpoint must hold, in the order a model file keeps them. */
export function decoderTensors(spec: DecoderSpec): readonly CheckpointTensorSpec[] {
  const { vocabSize, hiddenSize, headDim } = spec;
  const kind = spec.normFactor === 'weight' ? 'norm' : 'norm-offset';
  const norm = (name: string, size: number): CheckpointTensorSpec => ({ name: `${name}.weight`, shape: [size], kind });
  const layers = decoderLinears(spec).flatMap(({ module, inFeatures, outFeatures, bias }): CheckpointTensorSpec[] => [
    { name: `${module}.weight`, shape: [outFeatures, inFeatures], kind: 'matrix' },
    ...(bias ? [{ name: `${module}.bias`, shape: [outFeatures], kind: 'bias' as const }] : []),
  ]);
  const norms = Array.from({ length: spec.layers }, (_, i) => [
    ...Object.values(spec.normsAfter ? surroundingNorms : plainNorms).map((name) =>
      norm(`model.layers.${i}.${name}`, hiddenSize),
    ),
    ...(spec.queryKeyNorm ? ['q_norm', 'k_norm'] : []).map((name) =>
      norm(`model.layers.${i}.self_attn.${name}`, headDim),
    ),
  ]).flat();
  return [
    { name: embedding, shape: [vocabSize, hiddenSize], kind: 'embedding' },
    ...layers,
    ...norms,
    norm('model.norm', hiddenSize),
    ...(spec.tiedEmbeddings
      ? []
      : [{ name: `${outputModule}.weight`, shape: [vocabSize, hiddenSize], kind: 'matrix' as const }]),
  ];
}
