import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { RopeSpec } from '../nn/rotary.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { readCommon, readLayerTypes } from './decoder-config.ts';
import { readRopeAt, type RopePlace } from './rope-config.ts';

/**
 * Gemma 3, text only: norms before and after attention and MLP, layers with a window between layers without, and a theta for either
 * kind. What is multiplied: embeddings by sqrt(hidden_size), norms by one more than their weight, scores by 1 / sqrt(query_pre_attn_scalar).
 */
export const gemma3: Architecture = { modelTypes: ['gemma3_text'], read };

function read(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const reader = new ConfigReader(config);
  const common = readCommon(reader, {
    headDim: 256,
    kvHeads: 4,
    maxPositions: 131_072,
    activation: ['hidden_activation', 'gelu_pytorch_tanh'],
  });
  refuseUnbuilt(reader);
  const windows = readWindows(reader, common.layers);
  const ropes = readRopes(reader, common);
  const attentionBias = reader.boolean('attention_bias', false);
  const spec: DecoderSpec = {
    ...common,
    attentionScale: 1 / Math.sqrt(reader.positiveNumber('query_pre_attn_scalar', 256)),
    queryKeyNorm: true,
    activation: 'gelu-tanh',
    normFactor: 'one-plus-weight',
    normsAfter: true,
    // in float32, as transformers has it for a model in float32; in bfloat16 it would round to three digits
    embeddingScale: Math.fround(Math.sqrt(common.hiddenSize)),
    ropes: windows.map((window) => (window === undefined ? ropes.whole : ropes.windowed)),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', true),
    bias: { qkv: attentionBias, o: attentionBias, mlp: false },
    windows,
  };
  reader.finish('Gemma 3');
  return spec;
}

function refuseUnbuilt(reader: ConfigReader): void {
  for (const key of ['attn_logit_softcapping', 'final_logit_softcapping'])
    if (reader.value(key) !== undefined) reader.refuse(key, 'Soft-capping is not computed yet.');
  if (reader.boolean('use_bidirectional_attention', false))
    reader.refuse('use_bidirectional_attention', 'Attention looks back only.');
  reader.word('cache_implementation', ['hybrid'], 'hybrid'); // how transformers keeps the cache
  // older configs have the general key beside the one that counts
  if (reader.has('hidden_act')) reader.word('hidden_act', ['gelu_pytorch_tanh'], 'gelu_pytorch_tanh');
}

/** `layer_types`, or windows in all layers but each `sliding_window_pattern`th. */
function readWindows(reader: ConfigReader, layers: number): (number | undefined)[] {
  const window = reader.positiveInteger('sliding_window', 4096);
  const inner = reader.positiveInteger('_sliding_window_pattern', 6);
  const pattern = reader.positiveInteger('sliding_window_pattern', inner);
  return (
    readLayerTypes(reader, layers, window) ??
    Array.from({ length: layers }, (_, i) => ((i + 1) % pattern === 0 ? undefined : window))
  );
}

/**
 * The ropes of layers without and with a window: `rope_theta` with `rope_scaling`, and `rope_local_base_freq`, as transformers 4 writes
 * them; or an entry for each in `rope_parameters`, as transformers 5 does.
 */
function readRopes(
  reader: ConfigReader,
  common: Pick<DecoderSpec, 'headDim' | 'maxPositions'>,
): { readonly whole: RopeSpec; readonly windowed: RopeSpec } {
  const parameters = reader.entry('rope_parameters');
  for (const key of Object.keys(parameters ?? {}))
    if (!['full_attention', 'sliding_attention'].includes(key))
      reader.refuse(`rope_parameters.${key}`, 'It must hold full_attention and sliding_attention, an entry each.');
  const nested = (kind: string): RopePlace['entries'][number] => {
    const key = `rope_parameters.${kind}`;
    return { key, entry: reader.entryIn(key, parameters?.[kind]) };
  };
  const scaling = { key: 'rope_scaling', entry: reader.entry('rope_scaling') };
  const context = { ...common, scalings: ['default', 'linear'] } as const;
  const whole = { thetaKey: 'rope_theta', entries: [nested('full_attention'), scaling] };
  const windowed = { thetaKey: 'rope_local_base_freq', entries: [nested('sliding_attention')] };
  return {
    whole: readRopeAt(reader, whole, { ...context, theta: 1_000_000 }),
    windowed: readRopeAt(reader, windowed, { ...context, theta: 10_000 }),
  };
}
