import type { DecoderSpec } from '../nn/decoder.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { readCommon, readLayerTypes } from './decoder-config.ts';

/** Qwen2 and Qwen2.5: biases on the query, key and value projections, and a window in the upper layers when it is switched on. */
export const qwen2: Architecture = { modelTypes: ['qwen2'], read };

function read(config: Readonly<Record<string, unknown>>): DecoderSpec {
  const reader = new ConfigReader(config);
  const common = readCommon(reader);
  const sliding = reader.boolean('use_sliding_window', false);
  const windowLength = reader.has('sliding_window') ? reader.positiveInteger('sliding_window') : undefined;
  reader.value('sliding_window');
  const firstWindowed = reader.value('max_window_layers', common.layers);
  if (typeof firstWindowed !== 'number' || !Number.isInteger(firstWindowed) || firstWindowed < 0)
    reader.refuse('max_window_layers', `${JSON.stringify(firstWindowed)} is not a number of layers.`);
  if (sliding && windowLength === undefined)
    reader.refuse('sliding_window', 'use_sliding_window is true, but no length is given.');
  const window = sliding ? windowLength : undefined;
  const spec: DecoderSpec = {
    ...common,
    tiedEmbeddings: reader.boolean('tie_word_embeddings', false),
    bias: { qkv: true, o: false, mlp: false },
    windows:
      readLayerTypes(reader, common.layers, window) ??
      Array.from({ length: common.layers }, (_, i) => (i >= Number(firstWindowed) ? window : undefined)),
  };
  reader.finish('Qwen2');
  return spec;
}
