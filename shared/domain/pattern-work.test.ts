import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { parseLoraConfig } from '../methods/lora-config-file.ts';
import { patternWorkFindings } from './pattern-work.ts';

const config = (patterns: number, names: number): ReturnType<typeof parseLoraConfig> =>
  parseLoraConfig({
    target_modules: Array.from({ length: names }, (_, i) => `n${i}`),
    rank_pattern: Object.fromEntries(Array.from({ length: patterns }, (_, i) => [`a.*${i}`, 1])),
  });

test('a config with more work than the limit is refused, one at the limit is not', () => {
  // 9 patterns and 100 names: 1000
  const most = limits.patternMatchesMax / 1000;
  expect(patternWorkFindings(config(9, 100), most)).toEqual([]);
  expect(patternWorkFindings(config(9, 100), most + 1)).toMatchObject([{ code: 'too-many-patterns' }]);
});
