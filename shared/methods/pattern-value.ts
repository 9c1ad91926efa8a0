import { compileModulePattern } from './module-pattern.ts';

/**
 * The value that PEFT's `rank_pattern` or `alpha_pattern` gives a module: that of the first key k, in the order of the
 * config, for which `^(.*\.)?(k)$` matches the module's name; undefined when none does.
 * Source: peft `utils/other.py`, `get_pattern_key`.
 */
export function patternValue(pattern: Readonly<Record<string, number>>, module: string): number | undefined {
  for (const [key, value] of Object.entries(pattern)) if (patternKeyMatches(key, module)) return value;
  return undefined;
}

/** Whether `^(.*\.)?(key)$` matches the module's name. Throws `DomainError('module-pattern')` for a key that is no pattern we accept. */
export function patternKeyMatches(key: string, module: string): boolean {
  if (isPlainKey(key)) return plainKeyMatches(key, module);
  return compileModulePattern(keyPattern(checked(key))).matches(module);
}

/** Keys are mostly names, hundreds of them in a composed adapter: those need no matcher. */
export function isPlainKey(key: string): boolean {
  return /^[\w.]*$/.test(key);
}

/** What a key matches, as a pattern for whole names. */
export function keyPattern(key: string): string {
  return `(?:.*\\.)?(?:${key})`;
}

/** A "." of a key stands for any character, being a regular expression. */
function plainKeyMatches(key: string, module: string): boolean {
  const start = module.length - key.length;
  if (start < 0 || (start > 0 && module[start - 1] !== '.')) return false;
  for (let i = 0; i < key.length; i++) if (key[i] !== '.' && key[i] !== module[start + i]) return false;
  return true;
}

/** A key must be a pattern by itself, or it could close the group that is put around it. */
function checked(key: string): string {
  compileModulePattern(key);
  return key;
}
