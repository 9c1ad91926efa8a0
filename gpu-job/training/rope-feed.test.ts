import { expect, test } from 'vitest';
import { tinyLlamaConfig } from '../../test/support/random-base.ts';
import { readModelConfig } from '../models/registry.ts';
import { longestText, ropeFeed } from './rope-feed.ts';

const phi3 = {
  ...tinyLlamaConfig,
  model_type: 'phi3',
  max_position_embeddings: 64,
  original_max_position_embeddings: 8,
  rope_scaling: { type: 'longrope', short_factor: [1, 1], long_factor: [2, 4] },
};

test('tables are made anew where a text has another kind of length, and only there', () => {
  const feed = ropeFeed(readModelConfig(phi3));
  const short = feed(16, 8);
  expect(feed(32, 5)).toBe(short);
  const long = feed(16, 9);
  expect(long['rope_cos']?.data).not.toEqual(short['rope_cos']?.data);
  expect(feed(20)).toBe(long);
  expect(feed(16, 8)).toEqual(short);
  expect(() => feed(65)).toThrow(/65 tokens are more than the model's max_position_embeddings 64/);
});

test('each rope of a model has tables of its own, as many rows as the other', () => {
  const gemma = {
    ...tinyLlamaConfig,
    model_type: 'gemma3_text',
    sliding_window_pattern: 2,
    rope_local_base_freq: 100,
    max_position_embeddings: 600,
  };
  const feed = ropeFeed(readModelConfig(gemma))(300);
  expect(Object.keys(feed)).toEqual(['rope_cos', 'rope_sin', 'rope_cos_1', 'rope_sin_1']);
  expect(Object.values(feed).map(({ dims }) => dims)).toEqual(Array.from({ length: 4 }, () => [512, 2]));
  expect(feed['rope_cos']?.data).not.toEqual(feed['rope_cos_1']?.data);
});

test('the longest text of a batch is one more than its largest position, packed or not', () => {
  expect(longestText({ positions: BigInt64Array.of(0n, 1n, 2n, 3n, 0n, 1n) })).toBe(4);
});
