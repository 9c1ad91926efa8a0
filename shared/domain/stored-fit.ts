import type { Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import { isAllLinear } from '../methods/lora-config-file.ts';
import { reshapingSettings } from '../methods/lora-unsupported.ts';
import type { LoraConfig } from '../methods/lora.ts';
import type { TensorShape } from './adapter-tensors.ts';
import { meantModule, storableModules, type BaseTensor, type StorableModule } from './base-modules.ts';
import { selectModules, unmatchedTargets } from './module-matching.ts';
import { tried, type StoredLora, type StoredPair } from './stored-lora.ts';

/** How far a stored adapter acts on a base. */
export interface StoredFit {
  /** Modules of the base that the config selects; undefined where the config cannot be followed here. */
  readonly selected?: number;
  /** The adapter's modules that act. */
  readonly effective: ReadonlySet<string>;
  readonly findings: readonly Finding[];
}

/** Compares a stored adapter with the tensors of a base, by the rules of PEFT; both may come from headers alone. */
export function storedFit<T extends TensorShape>(
  config: LoraConfig,
  { pairs, copies, actsOtherwise }: StoredLora<T>,
  baseTensors: Iterable<BaseTensor>,
): StoredFit {
  const reshaping = reshapingSettings(config);
  if (reshaping.length > 0) {
    const message = `${reshaping.join(', ')} changes which modules there are or their sizes: stored, but not checked against the base`;
    return {
      effective: new Set(),
      findings: [{ severity: 'warning', code: 'base-not-checked', message, where: 'adapter_config.json' }],
    };
  }
  const modules = storableModules(baseTensors, { transposed: config.fan_in_fan_out });
  const candidates = [...modules.keys()].filter((name) => isCandidate(config, modules.get(name)));
  const selected = tried(() => selectModules(config.target_modules, candidates, config));
  const isSelected = selected && new Set(selected);
  const findings: Finding[] = [];
  const effective = new Set<string>();
  const strangers: string[] = [];
  for (const pair of pairs.values()) {
    const size = modules.get(pair.module);
    if (pair.kind === 'parameter') effective.add(pair.module);
    else if (size === undefined) strangers.push(pair.module);
    else if (!copies.has(pair.module) && !sizesAgree(pair, size)) findings.push(sizeMismatch(pair, size));
    // what no target selects has been told without the base
    else if (isSelected?.has(pair.module) !== false) effective.add(pair.module);
  }
  findings.push(...strangerFindings(strangers, modules));
  for (const target of unmatchedTargets(config.target_modules, candidates))
    findings.push({
      severity: 'warning',
      code: 'target-matches-nothing',
      where: target,
      message: 'this entry of target_modules selects no module of the base',
    });
  if (pairs.size > 0 && effective.size === 0 && !actsOtherwise)
    findings.push({
      severity: 'error',
      code: 'no-effect',
      where: 'adapter_model.safetensors',
      message: 'not one of its modules would act on this base',
    });
  const idle = (selected ?? []).filter((module) => !effective.has(module) && !copies.has(module));
  if (effective.size > 0 && idle.length > 0)
    findings.push({
      severity: 'warning',
      code: 'partial',
      where: 'target_modules',
      message: `${idle.length} selected modules have no usable tensors and stay as in the base: ${listed(idle)}`,
    });
  // bare parameters are selected by another setting
  const others = [...pairs.values()].filter(({ kind }) => kind === 'parameter').length;
  return { ...(selected ? { selected: selected.length + others } : {}), effective, findings };
}

/** The shorthand means linear modules alone. */
function isCandidate({ target_modules: targets }: LoraConfig, module: StorableModule | undefined): boolean {
  return typeof targets !== 'string' || !isAllLinear(targets) || module?.kind === 'linear';
}

function sizesAgree({ inFeatures, outFeatures }: StoredPair<TensorShape>, size: StorableModule): boolean {
  return size.inFeatures === undefined || (size.inFeatures === inFeatures && size.outFeatures === outFeatures);
}

function sizeMismatch({ module, inFeatures, outFeatures }: StoredPair<TensorShape>, size: StorableModule): Finding {
  const message = `the adapter is for ${inFeatures} inputs and ${outFeatures} outputs, the base has ${size.inFeatures} and ${size.outFeatures}: it was made for another base`;
  return { severity: 'error', code: 'base-size-mismatch', message, where: module };
}

/** Names that all lack or carry the same beginning are one mistake, told once. */
function strangerFindings(strangers: readonly string[], modules: ReadonlyMap<string, unknown>): Finding[] {
  const [first] = strangers;
  if (first === undefined) return [];
  const meant = meantModule(first, modules.keys());
  if (meant !== undefined) {
    const [from, to] = prefixChange(first, meant);
    const fits = (module: string): boolean => module.startsWith(from) && modules.has(to + module.slice(from.length));
    if (strangers.every(fits)) {
      const message = `${strangers.length} modules are named ${from}*, the base has them as ${to}*: rename the tensors from "base_model.model.${from}" to "base_model.model.${to}" (${first} is probably ${meant})`;
      return [{ severity: 'error', code: 'wrong-prefix', message, where: first }];
    }
  }
  return strangers.map((module, i): Finding => {
    // looked for where it will be read
    const other = i < limits.validationFindingsMax ? meantModule(module, modules.keys()) : undefined;
    const message = `the base has no such module${other === undefined ? '' : `; "${other}" is probably meant`}`;
    return { severity: 'error', code: 'no-such-module', message, where: module };
  });
}

/** What stands before the common tail of two names. */
function prefixChange(module: string, meant: string): readonly [from: string, to: string] {
  const [a, b] = [module.split('.'), meant.split('.')];
  let common = 0;
  while (common < Math.min(a.length, b.length) && a.at(-1 - common) === b.at(-1 - common)) common++;
  const prefix = (parts: readonly string[]): string =>
    parts
      .slice(0, parts.length - common)
      .map((part) => `${part}.`)
      .join('');
  return [prefix(a), prefix(b)];
}

function listed(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}
