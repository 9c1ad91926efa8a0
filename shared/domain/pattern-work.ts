import type { Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import type { LoraConfig } from '../methods/lora.ts';

/** Work of matching one pattern, in matches of plain names. */
const patternCost = 100;

/** Refuses a config whose names and patterns would keep a machine busy for minutes with this many modules. */
export function patternWorkFindings(config: LoraConfig, modules: number): Finding[] {
  const names = [
    config.target_modules,
    config.exclude_modules,
    config.modules_to_save,
    config.layers_pattern,
    Object.keys(config.rank_pattern),
    Object.keys(config.alpha_pattern),
  ].flatMap((given) => given ?? []);
  const work = names.reduce((sum, name) => sum + (/^[\w.]*$/.test(name) ? 1 : patternCost), 0);
  if (work * modules <= limits.patternMatchesMax) return [];
  const message = `it has ${names.length} names and patterns for about ${Math.ceil(modules)} modules, more than can be checked: name layers by their last names instead`;
  return [{ severity: 'error', code: 'too-many-patterns', message, where: 'adapter_config.json' }];
}
