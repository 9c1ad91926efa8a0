import type { CheckpointTensor, PackedWeight } from '../../gpu-job/folders/checkpoint-tensor.ts';
import { generatorGraph } from '../../gpu-job/generation/generator.ts';
import { GraphBuilder, type Graph } from '../../gpu-job/graph/builder.ts';
import { lowerGraph } from '../../gpu-job/graph/lower.ts';
import type { OnnxModel } from '../../gpu-job/graph/onnx.ts';
import { dora } from '../../gpu-job/methods/dora.ts';
import { fullMethod } from '../../gpu-job/methods/full.ts';
import { loraMethod, type LoraOptions } from '../../gpu-job/methods/lora.ts';
import type { Method, TunableModel } from '../../gpu-job/methods/method.ts';
import { sharedLora } from '../../gpu-job/methods/shared-lora.ts';
import { describeModel, tunedModel, writeDerived, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { copyGraph, squaresGraph, sumGraph, updateGraph } from '../../gpu-job/training/device-graphs.ts';
import { logitsGraph, scoresGraph } from '../../gpu-job/training/eval-graph.ts';
import { trainGraph } from '../../gpu-job/training/step-graph.ts';
import { computeTypes } from '../../shared/methods/compute.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { dtypeBytes, shapeSize, type Dtype } from '../../shared/formats/dtype.ts';
import type { Packing } from '../../shared/formats/packing.ts';

/** A graph as a GPU is given it, and what it is. */
export interface NamedModel {
  readonly name: string;
  readonly model: OnnxModel;
}

/** Every architecture, with what else its graphs differ by. Sizes that are whole blocks of every packing. */
const common = {
  vocab_size: 64,
  hidden_size: 128,
  intermediate_size: 192,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 64,
  rope_theta: 10_000,
  tie_word_embeddings: true,
};
export const placedConfigs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: { ...common, model_type: 'llama', attention_bias: true, mlp_bias: true },
  mistral: { ...common, model_type: 'mistral', sliding_window: 8, tie_word_embeddings: false },
  qwen2: { ...common, model_type: 'qwen2' },
  qwen3: { ...common, model_type: 'qwen3' },
  smollm3: { ...common, model_type: 'smollm3', no_rope_layer_interval: 2, use_sliding_window: true, sliding_window: 8 },
  gemma3: {
    ...common,
    model_type: 'gemma3_text',
    query_pre_attn_scalar: 32,
    sliding_window_pattern: 2,
    sliding_window: 8,
    rope_local_base_freq: 100,
  },
  phi3: {
    ...common,
    model_type: 'phi3',
    partial_rotary_factor: 0.5,
    original_max_position_embeddings: 16,
    rope_scaling: { type: 'longrope', short_factor: Array(8).fill(1), long_factor: Array(8).fill(3) },
  },
};

type MakeMethod = (model: TunableModel) => Method;

const onLinears =
  (options: LoraOptions): MakeMethod =>
  (model) =>
    loraMethod(
      model,
      model.linears.map(({ module }) => ({ module, r: 4, scaling: 2 })),
      options,
    );
const onEverything: MakeMethod = (model) =>
  loraMethod(
    model,
    [...model.linears, model.embeddings.input, model.embeddings.output].map(({ module }) => ({
      module,
      r: 4,
      scaling: 2,
    })),
    { dropout: 0.1, saved: [{ name: 'model.norm.weight', shape: [common.hidden_size] }] },
  );

const methods: Readonly<Record<string, MakeMethod>> = {
  LoRA: onLinears({}),
  'LoRA with dropout': onLinears({ dropout: 0.1 }),
  DoRA: onLinears({ variant: dora, dropout: 0.1 }),
  'factors of the base': onLinears({ takesFromBase: true }),
  'embeddings and head': onEverything,
  'a head trained whole': (model) =>
    loraMethod(
      model,
      model.linears.map(({ module }) => ({ module, r: 4, scaling: 2 })),
      { saved: [{ name: 'lm_head.weight', shape: [common.vocab_size, common.hidden_size] }] },
    ),
  'tasks that share a base': (model) =>
    sharedLora(
      model,
      ['one', 'two'].map((name) => ({
        name,
        targets: model.linears.map(({ module }) => ({ module, r: 4, scaling: 2 })),
      })),
    ),
};

const plans: Readonly<Record<string, StepMemory>> = {
  fast: stepMemory.fast,
  'in parts': { ...stepMemory.fast, lossChunks: 4 },
  'weights as they lie': { ...stepMemory.fast, prepack: false },
  lean: stepMemory.lean,
};

const packings: Readonly<Record<string, { readonly packing: Packing; readonly parts: readonly Dtype[] }>> = {
  NF4: { packing: { kind: 'nf4', blockSize: 64 }, parts: ['U8', 'F32'] },
  'NF4 with packed scales': {
    packing: { kind: 'nf4', blockSize: 64, nested: { blockSize: 256, offset: 0.1 } },
    parts: ['U8', 'U8', 'F32', 'F32'],
  },
  U4: { packing: { kind: 'blocks', blockSize: 16, bits: 4, offset: 'zeros' }, parts: ['U8', 'F16', 'U8'] },
  Q4_0: { packing: { kind: 'blocks', blockSize: 32, bits: 4, offset: 8 }, parts: ['U8', 'F16'] },
  Q4_1: { packing: { kind: 'blocks', blockSize: 32, bits: 4, offset: 'mins' }, parts: ['U8', 'F16', 'F16'] },
  Q8_0: { packing: { kind: 'blocks', blockSize: 32, bits: 8, offset: 0 }, parts: ['I8', 'F16'] },
  'blocks with bfloat16 scales': {
    packing: { kind: 'blocks', blockSize: 32, bits: 4, offset: 8 },
    parts: ['U8', 'BF16'],
  },
};

/** Every graph of every architecture, method and plan, in every type of products; and of every type of stored weights and packing. */
export function* placedModels(): Generator<NamedModel> {
  for (const [architecture, config] of Object.entries(placedConfigs)) {
    for (const [method, make] of Object.entries(methods))
      yield* graphsOf(`${architecture}, ${method}`, modelOf(config, 'BF16', make));
    yield* graphsOf(`${architecture}, every weight`, modelOf(config, 'BF16', fullMethod));
    yield* graphsOf(`${architecture} as it is`, modelOf(config, 'BF16'));
  }
  for (const dtype of ['F32', 'F16'] as const)
    yield* graphsOf(`weights in ${dtype}`, modelOf(placedConfigs['llama'] ?? {}, dtype, onLinears({ variant: dora })));
  for (const [name, packed] of Object.entries(packings))
    for (const [method, make] of Object.entries({ LoRA: onLinears({}), DoRA: onLinears({ variant: dora }) }))
      yield* graphsOf(`${name}, ${method}`, modelOf(placedConfigs['llama'] ?? {}, 'BF16', make, packed));
}

function* graphsOf(name: string, model: TunedModel): Generator<NamedModel> {
  const graphs: [string, Graph][] = [
    ['scores', scoresGraph(model, stepMemory.lean)],
    ['logits', logitsGraph(model)],
    ...(model.method?.derived ? [['derived values', derivedGraph(model)] as [string, Graph]] : []),
    ...updates(model),
    // nobody generates with several tasks at once
    ...(model.method?.sharesRows ? [] : ([['generation', generatorGraph(model)]] as [string, Graph][])),
    ...(model.method
      ? Object.entries(plans).map(([plan, memory]): [string, Graph] => [`a ${plan} step`, trainGraph(model, memory)])
      : []),
  ];
  for (const [what, graph] of graphs)
    for (const compute of computeTypes)
      yield {
        name: `${name}: ${what} in ${compute}`,
        model: lowerGraph(graph, 'float32', { compute, device: 'cuda' }),
      };
}

/** What is done with gradients where they are. */
function updates({ method }: TunedModel): [string, Graph][] {
  const parameters = method?.parameters ?? [];
  const adamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
  const graphs = [
    sumGraph(parameters),
    squaresGraph(parameters),
    updateGraph(parameters, adamW),
    copyGraph(parameters),
  ];
  return method ? graphs.map((graph, i) => [`update ${i}`, graph]) : [];
}

function derivedGraph(model: TunedModel): Graph {
  const graph = new GraphBuilder();
  writeDerived(graph, model);
  return graph;
}

/** A model of which there is no file. */
function modelOf(
  config: Readonly<Record<string, unknown>>,
  dtype: 'F32' | 'F16' | 'BF16',
  make?: MakeMethod,
  packed?: (typeof packings)[string],
): TunedModel {
  const { tensors, linears } = describeModel(config);
  const isLinear = new Set(linears.map(({ module }) => `${module}.weight`));
  const stored = tensors.map(({ name, shape }): [string, CheckpointTensor] => {
    const plain = tensorOf(name, dtype, shape);
    return [name, packed && isLinear.has(name) ? { ...plain, packed: packedParts(name, shape, packed) } : plain];
  });
  return tunedModel({ path: '', config, tensors: new Map(stored), files: [file], warnings: [] }, make);
}

function packedParts(
  name: string,
  shape: readonly number[],
  { packing, parts }: (typeof packings)[string],
): PackedWeight {
  const values = shapeSize(shape);
  const blocks = values / packing.blockSize;
  const bits = packing.kind === 'nf4' ? 4 : packing.bits;
  const sizes = [(values * bits) / 8, blocks, packing.kind === 'nf4' ? Math.ceil(blocks / 256) : blocks, 256];
  return { packing, parts: parts.map((dtype, i) => tensorOf(`${name}.${i}`, dtype, [sizes[i] ?? 0])) };
}

const file = 'model.safetensors';

const tensorOf = (name: string, dtype: Dtype, shape: readonly number[]): CheckpointTensor => ({
  name,
  dtype,
  shape,
  offset: 0,
  lengthBytes: shapeSize(shape) * dtypeBytes(dtype),
  file,
});
