import { compileModulePattern } from '../../../../shared/methods/module-pattern.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

/** Short enough for an engine that tries every way. */
const shortNames = ['', 'a', 'ab', 'aab', 'q_proj', 'a.b.c', 'aaaaaaaab', 'layers.10.q'];
const longName = `model.layers.${'a'.repeat(200)}!`;

export const modulePatternTarget: FuzzTarget = {
  name: 'module-pattern',
  input: (random) => new TextEncoder().encode(pattern(random, 0)),
  read(bytes) {
    const text = new TextDecoder().decode(bytes);
    const compiled = compileModulePattern(text);
    const other = otherEngine(text);
    for (const name of shortNames)
      if (other && compiled.matches(name) !== other.test(name))
        throw new Unsound(`${JSON.stringify(text)} on ${JSON.stringify(name)}: ${compiled.matches(name)}`);
    compiled.matches(longName);
  },
  planted: {
    fault: 'an engine that tries every way',
    read(bytes) {
      const text = new TextDecoder().decode(bytes);
      compileModulePattern(text);
      otherEngine(text)?.test(longName);
    },
  },
};

/** JavaScript reads most of Python's patterns, not all. */
function otherEngine(text: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${text})$`, 'u');
  } catch {
    return undefined;
  }
}

function pattern(random: FuzzRandom, depth: number): string {
  const atom = (): string => {
    switch (random.below(depth > 4 ? 4 : 7)) {
      case 0:
      case 1:
        return random.pick(['a', 'b', 'q_proj', '\\.', '\\d', '\\w', '0', 'layers']);
      case 2:
        return random.pick(['.', '[ab]', '[^a]', '[a-z0-9]', '[b-a]', '\\', '(?=a)', '\\1', '\\b', 'é', '{']);
      case 3:
        return 'a';
      case 4:
        return `(${pattern(random, depth + 1)})`;
      case 5:
        return `(?:${pattern(random, depth + 1)})`;
      default:
        return `(${pattern(random, depth + 1)}|${pattern(random, depth + 1)})`;
    }
  };
  const repeat = (): string => random.pick(['', '', '', '*', '+', '?', '{2}', '{1,3}', '{0,500}', '*?', '**', '{3,1}']);
  return random.several(1, 3, () => atom() + repeat()).join('');
}
