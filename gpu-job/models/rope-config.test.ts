import { describe, expect, test } from 'vitest';
import { configFindings } from '../../test/support/config-findings.ts';
import { tinyLlamaConfig } from '../../test/support/random-base.ts';
import { ropeFrequencies, ropeTables, type RopeSpec } from '../nn/rotary.ts';
import { readModelConfig } from './registry.ts';

const scaled = (rope_scaling: object): Record<string, unknown> => ({ ...tinyLlamaConfig, rope_scaling });
const longrope: RopeSpec = {
  dim: 4,
  theta: 100,
  scaling: { type: 'longrope', shortFactors: [1, 2], longFactors: [4, 8], originalMaxPositions: 16, magnitude: 1.5 },
};

const refusals: Readonly<Record<string, [object, RegExp]>> = {
  'a kind that is not known': [
    { rope_type: 'longrope', factor: 4 },
    /"longrope" is not supported; known are default, linear, dynamic, llama3, yarn/,
  ],
  'dynamic scaling that begins before the last position': [
    { type: 'dynamic', factor: 2, original_max_position_embeddings: 32 },
    /original_max_position_embeddings: Dynamic scaling is supported up to max_position_embeddings, .* 32 is not 64/,
  ],
  'dynamic scaling without a factor': [{ type: 'dynamic' }, /rope_scaling\.factor: nothing is not a positive number/],
  'dynamic scaling with a key of another kind': [
    { type: 'dynamic', factor: 2, alpha: 3 },
    /rope_scaling\.alpha: This key is not known for its type/,
  ],
  'a YaRN whose borders are exchanged': [
    { rope_type: 'yarn', factor: 4, beta_fast: 1, beta_slow: 32 },
    /beta_fast: 1 must not be below beta_slow 32/,
  ],
  'a YaRN with a word for a number': [
    { rope_type: 'yarn', factor: 4, attention_factor: 'high' },
    /attention_factor: "high" is not a positive number/,
  ],
  'a YaRN with a number for a switch': [
    { rope_type: 'yarn', factor: 4, truncate: 1 },
    /truncate: 1 is not true or false/,
  ],
};

describe('a scaling that cannot be honoured is refused by name', () => {
  for (const [name, [entry, message]] of Object.entries(refusals))
    test(name, () => {
      expect(configFindings(scaled(entry))).toMatch(message);
    });
});

test('dynamic scaling changes nothing up to the last position', () => {
  const [rope] = readModelConfig(scaled({ type: 'dynamic', factor: 4 })).ropes;
  expect(rope).toEqual(readModelConfig(tinyLlamaConfig).ropes[0]);
});

test('the magnitude of YaRN is what is given, or a tenth of the logarithm of the factor more than one', () => {
  const magnitude = (entry: object): unknown =>
    readModelConfig(scaled({ rope_type: 'yarn', factor: 4, ...entry })).ropes[0]?.scaling;
  expect(magnitude({})).toMatchObject({ magnitude: 1 + 0.1 * Math.log(4), originalMaxPositions: 64, betaFast: 32 });
  expect(magnitude({ attention_factor: 0.5 })).toMatchObject({ magnitude: 0.5 });
  expect(magnitude({ mscale: 2, mscale_all_dim: 1 })).toMatchObject({
    magnitude: (1 + 0.2 * Math.log(4)) / (1 + 0.1 * Math.log(4)),
  });
  expect(magnitude({ factor: 1, beta_slow: null })).toMatchObject({ magnitude: 1, betaSlow: 1, wholeBorders: true });
});

test('LongRoPE divides by the factors for the length of the whole text, and multiplies both tables', () => {
  expect(ropeFrequencies(longrope, 16)).toEqual([1, 0.05].map(Math.fround));
  expect(ropeFrequencies(longrope, 17)).toEqual([0.25, 0.0125].map(Math.fround));
  const { cos } = ropeTables(longrope, 2, 17);
  expect(cos[2]).toBeCloseTo(1.5 * Math.cos(0.25), 6);
});
