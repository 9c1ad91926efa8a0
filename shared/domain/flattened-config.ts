import type { LoraConfig } from '../methods/lora.ts';
import { selectModules } from './module-matching.ts';

/**
 * The config of the flattened form of an adapter: one rank R, lora_alpha = R so that every scaling is 1, no patterns. `modules` are those
 * it holds; `linears` all linear modules of the base, where it is known. Modules are selected by their last names, which every
 * engine reads, unless those would select others too; then by their whole names.
 */
export function flattenedConfig(
  config: LoraConfig,
  modules: readonly string[],
  rank: number,
  linears: readonly string[] | undefined,
): LoraConfig {
  const flat = {
    ...config,
    r: rank,
    lora_alpha: rank,
    use_rslora: false,
    rank_pattern: {},
    alpha_pattern: {},
    exclude_modules: null,
    layers_to_transform: null,
    layers_pattern: null,
  };
  // without a base, only an adapter that selects by plain names is known to hold all modules of those names
  const plain = Array.isArray(config.target_modules) && !narrows(config);
  const lastNames = [...new Set(modules.map((name) => name.slice(name.lastIndexOf('.') + 1)))].toSorted();
  const selected = linears && selectModules(lastNames, linears);
  const exact = selected ? sameSet(selected, modules) : plain;
  return { ...flat, target_modules: exact ? lastNames : [...modules] };
}

/** The rank of the flattened form: the largest of the modules'. */
export function flattenedRank(modules: Iterable<{ readonly r: number }>): number {
  let rank = 1;
  for (const { r } of modules) rank = Math.max(rank, r);
  return rank;
}

/**
 * The modules of the base that stand for no pair of the adapter but are of a kind that it has in another layer: with zeros for them,
 * every layer has every kind.
 */
export function missingLayers<T extends { readonly module: string }>(
  modules: Iterable<string>,
  linears: readonly T[],
): T[] {
  const held = new Set(modules);
  const kinds = new Set([...held].map(kindOf));
  return linears.filter(({ module }) => !held.has(module) && kinds.has(kindOf(module)));
}

/** The name with its layer left open: `model.layers.*.mlp.up_proj`. */
export const kindOf = (module: string): string => module.replace(/\.\d+\./, '.*.');

function narrows(config: LoraConfig): boolean {
  return config.exclude_modules !== null || config.layers_to_transform !== null;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const known = new Set(b);
  return a.length === known.size && a.every((name) => known.has(name));
}
