import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { readCommon, readLayerTypes, readSwitchedWindow } from './decoder-config.ts';
import { readRope } from './rope-config.ts';

/** SmolLM3: some layers do not turn queries and keys at all (NoPE); a window, when it is switched on, acts in those. */
export const smollm3: Architecture = { modelTypes: ['smollm3'], read };

function read(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const reader = new ConfigReader(config);
  const common = readCommon(reader, { kvHeads: 4, maxPositions: 32_768 });
  const rope = readRope(reader, { ...common, theta: 2_000_000 });
  const turning = readTurningLayers(reader, common.layers);
  const window = readSwitchedWindow(reader);
  const attentionBias = reader.boolean('attention_bias', false);
  reader.value('max_window_layers'); // written by some exporters, read by no version of the model
  const spec: DecoderSpec = {
    ...common,
    ropes: turning.map((turns) => (turns ? rope : undefined)),
    tiedEmbeddings: reader.boolean('tie_word_embeddings', true),
    bias: { qkv: attentionBias, o: attentionBias, mlp: reader.boolean('mlp_bias', false) },
    windows: readLayerTypes(reader, common.layers, window) ?? turning.map((turns) => (turns ? undefined : window)),
  };
  reader.finish('SmolLM3');
  return spec;
}

/** `no_rope_layers`: 1 where a layer turns, 0 where it does not; without it, each `no_rope_layer_interval`th does not. */
function readTurningLayers(reader: ConfigReader, layers: number): boolean[] {
  const interval = reader.positiveInteger('no_rope_layer_interval', 4);
  const listed = reader.value('no_rope_layers');
  const byInterval = Array.from({ length: layers }, (_, i) => (i + 1) % interval !== 0);
  if (listed === undefined) return byInterval;
  if (Array.isArray(listed) && listed.length >= layers && listed.every((turns) => turns === 0 || turns === 1))
    return listed.slice(0, layers).map((turns) => turns === 1);
  reader.refuse(
    'no_rope_layers',
    `It must be a list of 1 (turns) or 0 (does not), one for each of the ${layers} layers.`,
  );
  return byInterval;
}
