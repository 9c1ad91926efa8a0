import { expect, test } from 'vitest';
import { loraModelOfShape } from '../../test/support/model-of-shape.ts';
import { qwenHalfBillionConfig, smolLm135Config } from '../../test/support/random-base.ts';
import { modelShape } from '../../shared/domain/model-shape.ts';
import { liveStepBytes, type StepSubject } from '../../shared/domain/step-cost.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { peakLiveBytes } from '../graph/live-bytes.ts';
import { trainGraph } from './step-graph.ts';

const shapes = {
  'SmolLM2-135M': smolLm135Config,
  'Qwen2.5-0.5B': qwenHalfBillionConfig,
  'a wide one, untied': {
    ...smolLm135Config,
    vocab_size: 32_000,
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 8,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    tie_word_embeddings: false,
  },
};

const { attentionBlock, ...leanAtOnce } = stepMemory.lean;
const memories: Readonly<Record<string, StepMemory>> = {
  ...stepMemory,
  'lean with attention at once': leanAtOnce,
  'fast with attention in blocks': { ...stepMemory.fast, attentionBlock },
  'fast with logits in parts': { ...stepMemory.fast, lossChunks: 8 },
};

test.each(Object.keys(shapes))('the closed form agrees with what is counted from the graph: %s', (name) => {
  const config = shapes[name as keyof typeof shapes];
  const off: string[] = [];
  for (const [dtype, rank] of [
    ['F32', 16],
    ['BF16', 64],
  ] as const) {
    const model = loraModelOfShape(config, { dtype, rank });
    const parameters = model.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    for (const [title, memory] of Object.entries(memories)) {
      const graph = trainGraph(model, memory);
      for (const [rows, length] of [
        [1, 128],
        [4, 256],
        [1, 1024],
        [1, 4096],
      ] as const) {
        const elementBytes = dtype === 'F32' ? 4 : 2;
        const subject: StepSubject = {
          shape: modelShape(model.tensors),
          parameters,
          weightBytes: parameters * elementBytes,
          elementBytes,
          packed: false,
          trained: 0,
          layerRank: 7 * rank,
          dropout: false,
          sessions: 1,
          rows,
          length,
        };
        const symbols = { B: rows, H: length / Math.max(2, memory.lossChunks) };
        const counted = peakLiveBytes(graph, symbols, { folds: memory.prepack });
        const ratio = liveStepBytes(subject, memory) / counted.bytes;
        if (Math.abs(ratio - 1) > 0.1)
          off.push(
            `${dtype} ${title} ${rows}x${length}: ${ratio.toFixed(2)} of ${(counted.bytes / 1e6).toFixed()} MB at ${counted.at}`,
          );
      }
    }
  }
  expect(off).toEqual([]);
});
