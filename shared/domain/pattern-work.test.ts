import { expect, test } from 'vitest';
import { limits } from '../limits.ts';
import { parseLoraConfig } from '../methods/lora-config-file.ts';
import { loraTargets } from './lora-targets.ts';
import { patternWorkFindings } from './pattern-work.ts';

const modules = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `model.layers.${String(i).padStart(6, '0')}.${'a'.repeat(40)}`);
const tooMany = [{ code: 'too-many-patterns', severity: 'error' }];

test('a config with more names than the limit for its modules is refused, one at the limit is not', () => {
  const side = Math.sqrt(limits.patternMatchesMax);
  const config = parseLoraConfig({ target_modules: Array.from({ length: side }, (_, i) => `n${i}`) });
  expect(patternWorkFindings(config, modules(side))).toEqual([]);
  expect(patternWorkFindings(config, modules(side + 1))).toMatchObject(tooMany);
  expect(patternWorkFindings(config, [...modules(side), ...modules(side)])).toEqual([]);
});

test('all patterns together take as many steps as the limit, and not one more', () => {
  const config = parseLoraConfig({
    target_modules: String.raw`.*\.(a+)+`,
    exclude_modules: '(x|y)+',
    rank_pattern: { '[ab]+$': 4, plain: 8 },
    alpha_pattern: { '(a|b)*': 4 },
  });
  const given = modules(50);
  let low = 0;
  let high: number = limits.patternStepsMax;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (patternWorkFindings(config, given, middle).length === 0) high = middle;
    else low = middle;
  }
  expect(patternWorkFindings(config, given, high)).toEqual([]);
  expect(patternWorkFindings(config, given, high - 1)).toMatchObject(tooMany);
  // every part of the config counts
  for (const part of ['target_modules', 'exclude_modules', 'rank_pattern', 'alpha_pattern'] as const) {
    const without = parseLoraConfig({ ...config, [part]: part === 'target_modules' ? ['a'] : undefined });
    expect(patternWorkFindings(without, given, high - 1)).toEqual([]);
  }
});

test.each(['.*(a+)+$b', '(.*.*)*x', '(.?){60}.{60}b'])(
  'fifty thousand modules are no trouble for %s, on which other engines never end',
  (target_modules) => {
    const started = performance.now();
    expect(patternWorkFindings(parseLoraConfig({ target_modules }), modules(50_000))).toEqual([]);
    expect(performance.now() - started).toBeLessThan(30_000);
  },
);

test('a pattern that takes its time with every one of fifty thousand modules is refused before it has', () => {
  const config = parseLoraConfig({ target_modules: '(?:(?=(?=(?=.*x|.*y)|.)|.).)*b' });
  const steps = limits.patternStepsMax / 10;
  expect(patternWorkFindings(config, modules(50_000), steps)).toMatchObject(tooMany);
  expect(patternWorkFindings(config, modules(100), steps)).toEqual([]);
});

test('a pattern that no single name may be matched with is refused', () => {
  const config = parseLoraConfig({ target_modules: '(?:(?=(?:(?=(?:(?=.*x|.).)*z)|.)*y)|.)*b' });
  expect(patternWorkFindings(config, ['a'.repeat(2000)])).toMatchObject(tooMany);
});

test('a training run with such a config is refused as well', () => {
  const keys = Array.from({ length: 200 }, (_, i) => [`a.*${i}`, 1] as const);
  const config = parseLoraConfig({ target_modules: ['q_proj'], rank_pattern: Object.fromEntries(keys) });
  const linears = modules(20_001).map((module) => ({ module, inFeatures: 8, outFeatures: 8 }));
  expect(loraTargets(config, linears)).toMatchObject({ targets: [], findings: tooMany });
});
