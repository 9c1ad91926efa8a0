import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../limits.ts';
import { compileModulePattern } from './module-pattern.ts';
import { patternKeyMatches, patternValue } from './pattern-value.ts';

/** Written by test/parity/record-module-patterns.py. */
const recorded = JSON.parse(
  readFileSync(new URL('../../test/parity/fixtures/module-patterns.json', import.meta.url), 'utf8'),
) as {
  texts: string[];
  patterns: Record<string, string | null>;
  linears: string[];
  patternKeys: { keys: string[]; matched: (string | null)[] }[];
};

describe('compileModulePattern refuses', () => {
  it.each([
    ['(?i)q_proj', /inline flags such as "\(\?i\)"/],
    ['(?i:q)_proj', /inline flags/],
    ['(?P=name)', /back references "\(\?P=name\)"/],
    [String.raw`(q)\1`, /back references and octal codes/],
    ['(?<=x)q', /lookbehind/],
    ['(?<!x)q', /lookbehind/],
    ['(?<name>q)', /not one that Python's re knows/],
    ['(?>q)', /atomic groups/],
    ['(?#note)q', /comments/],
    ['(q)?(?(1)a|b)', /conditional groups/],
    ['q*+', /possessive quantifiers/],
    ['(?P<a>q)(?P<a>k)', /two groups are named "a"/],
    [String.raw`\Aq`, /"\\A" is not supported/],
    [String.raw`\p{L}`, /"\\p" is not supported/],
    ['(q', /character 1, there is a "\(" without its "\)"/],
    ['q)', /"\)" without its "\("/],
    ['[q', /"\[" without its "\]"/],
    ['[z-a]', /runs backwards/],
    [String.raw`[a-\d]`, /range/],
    ['*q', /nothing to repeat/],
    ['q|{2}', /nothing to repeat/],
    ['^*', /nothing to repeat/],
    ['q**', /repetition follows a repetition/],
    ['q{3,2}', /counts run backwards/],
    ['q\\', /backslash ends the pattern/],
  ])('%s', (pattern, message) => {
    expect(() => compileModulePattern(pattern)).toThrow(message);
    expect(() => compileModulePattern(pattern)).toThrow(expect.objectContaining({ code: 'module-pattern' }));
  });

  it('a pattern one character past the limit, and takes one at the limit', () => {
    expect(compileModulePattern('a'.repeat(limits.modulePatternCharsMax)).matches('a')).toBe(false);
    expect(() => compileModulePattern('a'.repeat(limits.modulePatternCharsMax + 1))).toThrow(/at most 4096/);
  });

  it('groups nested one deeper than the limit, and takes those at the limit', () => {
    const nested = (depth: number): string => '('.repeat(depth) + 'a' + ')'.repeat(depth);
    expect(compileModulePattern(nested(limits.modulePatternDepthMax)).matches('a')).toBe(true);
    expect(() => compileModulePattern(nested(limits.modulePatternDepthMax + 1))).toThrow(/more than 16 deep/);
  });

  it('to spend long on patterns that are exponential for a backtracking engine', () => {
    const name = 'a'.repeat(60);
    const started = performance.now();
    for (const pattern of ['(a*)*b', '(a|a)*b', '(a?){60}a{60}b', '.*'.repeat(50) + 'x', '((((((a*)*)*)*)*)*)*b'])
      expect(compileModulePattern(pattern).matches(name)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('to go on past the limit, and finishes at the limit', () => {
    const pattern = compileModulePattern('a*');
    let low = 1;
    let high: number = limits.modulePatternStepsMax;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (pattern.steps('a'.repeat(middle)) === Infinity) high = middle;
      else low = middle;
    }
    expect(pattern.steps('a'.repeat(low))).toBeLessThanOrEqual(limits.modulePatternStepsMax);
    expect(pattern.matches('a'.repeat(low))).toBe(true);
    expect(() => pattern.matches('a'.repeat(low + 1))).toThrow(/takes too long/);
    expect(() => pattern.matches('a'.repeat(low + 1))).toThrow(expect.objectContaining({ code: 'module-pattern' }));
  });

  it('to count the members of a class as nothing', () => {
    const [one, many] = ['[x]*', `[${'b-cx'.repeat(1000)}]*`].map((text) => compileModulePattern(text).steps('abcdef'));
    expect(many).toBeGreaterThan((one ?? 0) + 500);
  });
});

describe('compileModulePattern', () => {
  it('agrees with Python on recorded patterns', () => {
    const matches = (pattern: string): string | null => {
      try {
        const compiled = compileModulePattern(pattern);
        return recorded.texts.map((text) => (compiled.matches(text) ? '1' : '0')).join('');
      } catch (error) {
        if ((error as Error).message.includes('not supported')) return recorded.patterns[pattern] ?? null;
        return null;
      }
    };
    const patterns = Object.keys(recorded.patterns);
    expect(patterns.length).toBeGreaterThan(200);
    expect(Object.fromEntries(patterns.map((pattern) => [pattern, matches(pattern)]))).toEqual(recorded.patterns);
  });

  it('agrees with JavaScript where the two languages do (property)', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '.',
      String.raw`\.`,
      '[ab]',
      '(a|b)',
      '(?:ab)?',
      'a*',
      'b+',
      '(?=a)',
      '(?!b)',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 6 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '.') }),
        (parts, text) => {
          const pattern = parts.join('');
          return compileModulePattern(pattern).matches(text) === new RegExp(`^(?:${pattern})$`).test(text);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('patternKeyMatches', () => {
  it('agrees with PEFT on recorded keys', () => {
    for (const { keys, matched } of recorded.patternKeys)
      expect(recorded.linears.map((name) => keys.find((key) => patternKeyMatches(key, name)) ?? null)).toEqual(matched);
  });

  it('refuses a key that would close the group around it', () => {
    expect(() => patternKeyMatches('a)|(b', 'x.a')).toThrow(/without its/);
  });

  it('gives plain names the same answer with and without the matcher (property)', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 6 });
    fc.assert(
      fc.property(part, part, (key, name) => patternKeyMatches(key, name) === patternKeyMatches(`(?:${key})`, name)),
      { numRuns: 1000 },
    );
  });
});

describe('patternValue', () => {
  it('takes the first key that matches, in the order of the config', () => {
    const pattern = { 'self_attn.q_proj': 4, q_proj: 2, '.*': 1 };
    expect(patternValue(pattern, 'model.layers.0.self_attn.q_proj')).toBe(4);
    expect(patternValue(pattern, 'model.layers.0.other.q_proj')).toBe(2);
    expect(patternValue(pattern, 'lm_head')).toBe(1);
    expect(patternValue({ k_proj: 3 }, 'lm_head')).toBeUndefined();
  });
});
