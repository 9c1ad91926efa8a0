import { DomainError, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import { isAllLinear } from '../methods/lora-config-file.ts';
import type { LoraConfig } from '../methods/lora.ts';
import { compileModulePattern } from '../methods/module-pattern.ts';
import { isPlainKey, keyPattern } from '../methods/pattern-value.ts';

/** Work of matching one pattern, in matches of plain names. */
const patternCost = 100;

/**
 * Refuses a config whose names and patterns would keep a machine busy for minutes with these modules. Each pattern is tried on each name
 * here, with one account of steps for all of them: whoever matches them afterwards does so knowing that it ends soon.
 */
export function patternWorkFindings(
  config: LoraConfig,
  modules: Iterable<string>,
  stepsMax: number = limits.patternStepsMax,
): Finding[] {
  const unique = new Set(modules);
  const names = [
    config.target_modules,
    config.exclude_modules,
    config.modules_to_save,
    config.layers_pattern,
    Object.keys(config.rank_pattern),
    Object.keys(config.alpha_pattern),
  ].flatMap((given) => given ?? []);
  const work = names.reduce((sum, name) => sum + (isPlainKey(name) ? 1 : patternCost), 0);
  if (work * unique.size > limits.patternMatchesMax)
    return refused(
      `it has ${names.length} names and patterns for ${unique.size} modules, more than can be checked: name layers by their last names instead`,
    );
  let steps = 0;
  for (const { pattern, eachTimeChars } of matchedPatterns(config)) {
    let compiled;
    try {
      compiled = compileModulePattern(pattern);
    } catch (error) {
      if (error instanceof DomainError) continue; // told by whoever reads the config
      throw error;
    }
    for (const name of unique) {
      steps += eachTimeChars * stepsOfReading + compiled.steps(name);
      if (steps > stepsMax)
        return refused(
          `its patterns take too long to match ${unique.size} modules, ${shortened(pattern)} last: write them with fewer nested repetitions, or name layers by their last names`,
        );
    }
  }
  return [];
}

/** Reading a character of a pattern takes as long as so many steps of matching. */
const stepsOfReading = 5;

interface MatchedPattern {
  readonly pattern: string;
  /** Characters that are read again for each name. */
  readonly eachTimeChars: number;
}

function matchedPatterns(config: LoraConfig): MatchedPattern[] {
  const { target_modules: targets, exclude_modules: excluded, layers_pattern: layers } = config;
  const wholes = [targets, excluded].filter(
    (text): text is string => typeof text === 'string' && text !== '' && !isAllLinear(text),
  );
  const keys = [...Object.keys(config.rank_pattern), ...Object.keys(config.alpha_pattern), ...[layers ?? []].flat()];
  return [
    ...wholes.map((pattern) => ({ pattern, eachTimeChars: 0 })),
    // a key is read twice: by itself, and in its group
    ...keys
      .filter((key) => !isPlainKey(key))
      .map((key) => ({ pattern: keyPattern(key), eachTimeChars: 2 * key.length })),
  ];
}

function refused(message: string): Finding[] {
  return [{ severity: 'error', code: 'too-many-patterns', message, where: 'adapter_config.json' }];
}

const shortened = (pattern: string): string =>
  JSON.stringify(pattern.length <= 60 ? pattern : `${pattern.slice(0, 60)}...`);
