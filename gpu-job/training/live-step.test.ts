import { expect, test } from 'vitest';
import { peakLiveBytes } from '../graph/live-bytes.ts';
import { forgetOrder } from '../../test/support/forget-order.ts';
import { loraModelOfShape } from '../../test/support/model-of-shape.ts';
import { smolLm135Config } from '../../test/support/random-base.ts';
import { trainGraph } from './step-graph.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';

const model = loraModelOfShape(smolLm135Config);

/** Megabytes that a step over one row holds of what it computes. */
function liveMb(length: number, memory: StepMemory, change?: Parameters<typeof forgetOrder>[1], of = model): number {
  const graph = trainGraph(of, memory);
  if (change) forgetOrder(graph, change);
  return peakLiveBytes(graph, { B: 1, H: length / Math.max(2, memory.lossChunks) }).bytes / 1e6;
}

test('a lean step over 512 tokens of 135 million parameters holds 70 MB, and a fast one a gigabyte', () => {
  expect(liveMb(512, stepMemory.lean)).toBeLessThan(70);
  expect(liveMb(512, stepMemory.fast)).toBeGreaterThan(1000);
});

const logitsMb = (4 * 512 * smolLm135Config.vocab_size) / 1e6;

test('where an output embedding is cast in parts, it holds the logits of more than one where the next need not wait', () => {
  const half = loraModelOfShape(smolLm135Config, { dtype: 'BF16' });
  const held = liveMb(512, stepMemory.lean, undefined, half);
  expect(liveMb(512, stepMemory.lean, ({ scope }) => scope === 'loss', half)).toBeGreaterThan(held + logitsMb / 2);
});

test('with an adapter on the output embedding, it holds the logits of all tokens where the sum of the losses is left to the end', () => {
  const adapted = loraModelOfShape(smolLm135Config, { head: true });
  expect(liveMb(512, stepMemory.lean, undefined, adapted)).toBeLessThan(2 * logitsMb);
  // and their softmax
  expect(liveMb(512, stepMemory.lean, ({ scope }) => scope === '', adapted)).toBeGreaterThan(2 * logitsMb);
});

test('rows of eight times the length take eight times the memory, and far more with attention at once', () => {
  const { attentionBlock: _, ...atOnce } = stepMemory.lean;
  const long = liveMb(4096, stepMemory.lean);
  expect(long / liveMb(512, stepMemory.lean)).toBeLessThan(8.2);
  expect(liveMb(4096, atOnce)).toBeGreaterThan(2.5 * long);
});
