import { isAllLinear } from '../methods/lora-config-file.ts';
import { compileModulePattern } from '../methods/module-pattern.ts';
import { patternKeyMatches } from '../methods/pattern-value.ts';

/** The settings of a LoRA config that narrow a selection, and the name of the base's output embedding. */
export interface SelectOptions {
  readonly exclude_modules?: readonly string[] | string | null;
  readonly modules_to_save?: readonly string[] | null;
  readonly layers_to_transform?: readonly number[] | number | null;
  readonly layers_pattern?: readonly string[] | string | null;
  /** Left out by `all-linear`. Default `lm_head`, its name in every family known here. */
  readonly outputEmbedding?: string;
}

/**
 * The modules of `linears` that `target_modules` selects, in their order, by PEFT's rules: an entry of a list selects the
 * module of that name and those that end with `.entry`; a string is a pattern for the whole name; `all-linear` selects
 * all but the output embedding. Throws `DomainError('module-pattern')` for a pattern that is not accepted.
 * Source: peft `tuners/tuners_utils.py`, `check_target_module_exists`.
 */
export function selectModules(
  targetModules: readonly string[] | string,
  linears: readonly string[],
  options: SelectOptions = {},
): string[] {
  return linears.filter(moduleTest(targetModules, options));
}

/** Whether a module is among those that `selectModules` selects. Throws like it, at once or when it is asked. */
export function moduleTest(
  targetModules: readonly string[] | string,
  options: SelectOptions = {},
): (module: string) => boolean {
  const targeted = targetTest(targetModules, options);
  const excluded = exclusionTest(options);
  return (module) => targeted(module) && !excluded(module);
}

/** The entries of a `target_modules` list that select none of `linears`: usually a misspelling or another architecture's names. */
export function unmatchedTargets(targetModules: readonly string[] | string, linears: readonly string[]): string[] {
  const entries = typeof targetModules === 'string' ? [] : targetModules;
  return entries.filter((entry) => !linears.some((module) => endsWithName(module, entry)));
}

function targetTest(targets: readonly string[] | string, options: SelectOptions): (module: string) => boolean {
  if (typeof targets === 'string') {
    if (isAllLinear(targets)) return (module) => module !== (options.outputEmbedding ?? 'lm_head');
    const pattern = compileModulePattern(targets);
    return (module) => pattern.matches(module);
  }
  const inLayers = layerTest(options);
  return (module) =>
    // PEFT does not look at layers for a module that is named in full.
    targets.includes(module) || (targets.some((target) => endsWithName(module, target)) && inLayers(module));
}

function layerTest(options: SelectOptions): (module: string) => boolean {
  const { layers_to_transform: layers, layers_pattern: patterns } = options;
  if (layers === undefined || layers === null || (Array.isArray(layers) && layers.length === 0)) return () => true;
  const wanted = new Set(typeof layers === 'number' ? [layers] : layers);
  const names = patterns === undefined || patterns === null ? [] : [patterns].flat().filter((name) => name !== '');
  return (module) => {
    const index = names.length === 0 ? firstLayerIndex(module) : layerIndexAfter(module, names);
    return index !== undefined && wanted.has(index);
  };
}

/** The first number that follows two names: `model.layers.3.mlp` -> 3. */
function firstLayerIndex(module: string): number | undefined {
  const index = /^.*?\.[^.]*\.(\d+)\./.exec(module)?.[1];
  return index === undefined ? undefined : Number(index);
}

/** The first number right after one of the names, trying the names in order. */
function layerIndexAfter(module: string, names: readonly string[]): number | undefined {
  const parts = module.split('.');
  for (const name of names)
    for (let i = 1; i < parts.length - 1; i++) {
      const part = parts[i] as string;
      if (/^\d+$/.test(part) && patternKeyMatches(name, parts.slice(0, i).join('.'))) return Number(part);
    }
  return undefined;
}

function exclusionTest(options: SelectOptions): (module: string) => boolean {
  const { exclude_modules: excluded, modules_to_save: saved } = options;
  const pattern = typeof excluded === 'string' && excluded !== '' ? compileModulePattern(excluded) : undefined;
  const names = Array.isArray(excluded) ? (excluded as readonly string[]) : [];
  return (module) =>
    pattern?.matches(module) === true ||
    names.some((name) => endsWithName(module, name)) ||
    (saved ?? []).some((name) => `.${module}.`.includes(`.${name}.`));
}

function endsWithName(module: string, name: string): boolean {
  return module === name || module.endsWith(`.${name}`);
}
