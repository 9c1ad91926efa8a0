import type { Finding } from '../errors.ts';
import { isAllLinear } from '../methods/lora-config-file.ts';
import type { LoraConfig } from '../methods/lora.ts';
import { adaptableModules, meantModule, type BaseTensor } from './base-modules.ts';
import { selectModules, unmatchedTargets } from './module-matching.ts';

/** How far an adapter acts on a base. */
export interface AdapterFit {
  /** Modules of the base that `target_modules` selects. */
  readonly selected: readonly string[];
  /** Those of them for which the adapter has a pair of the base's size: only these act. */
  readonly effective: readonly string[];
  /** One line for people: `effective modules 12 of 14`. */
  readonly summary: string;
  /** Errors where the adapter and the base contradict each other, warnings where part of it does nothing. */
  readonly findings: readonly Finding[];
}

/** A module that an adapter holds: A is [r, inFeatures], B is [outFeatures, r]. */
export interface AdapterModule {
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** Compares an adapter with the tensors of a base; both may come from headers alone. */
export function adapterFit(
  config: Pick<LoraConfig, 'target_modules'> & Partial<LoraConfig>,
  modules: Iterable<AdapterModule>,
  baseTensors: Iterable<BaseTensor>,
  copies: Iterable<{ readonly name: string; readonly shape: readonly number[] }> = [],
): AdapterFit {
  const tensors = [...baseTensors];
  const { target_modules: wanted } = config;
  const adaptable = adaptableModules(tensors);
  const linears = new Map(adaptable.map((module) => [module.module, module]));
  const isAll = typeof wanted === 'string' && isAllLinear(wanted);
  const candidates = adaptable.flatMap(({ module, kind }) => (isAll && kind === 'embedding' ? [] : [module]));
  const selected = selectModules(wanted, candidates, config);
  const isSelected = new Set(selected);
  const effective = new Set<string>();
  const findings: Finding[] = [];
  const report = (severity: Finding['severity'], code: string, where: string, message: string): void =>
    void findings.push({ severity, code, where, message });
  for (const { module, inFeatures, outFeatures } of modules) {
    const size = linears.get(module);
    if (size === undefined) report('error', 'no-such-module', module, describeStranger(module, linears));
    else if (size.inFeatures !== inFeatures || size.outFeatures !== outFeatures)
      report(
        'error',
        'size-mismatch',
        module,
        `the adapter is for ${inFeatures} inputs and ${outFeatures} outputs, the base has ${size.inFeatures} and ${size.outFeatures}: it was made for another base`,
      );
    else if (isSelected.has(module)) effective.add(module);
    else report('error', 'not-targeted', module, 'target_modules does not select it, so its tensors would not act');
  }
  for (const copy of copies) {
    const own = copiedTensor(copy.name, tensors);
    if (!own) report('error', 'no-such-tensor', copy.name, 'the base has no such tensor that could be replaced');
    else if (own.shape.join() !== copy.shape.join())
      report(
        'error',
        'size-mismatch',
        copy.name,
        `its shape is [${copy.shape.join(', ')}], that of the base [${own.shape.join(', ')}]`,
      );
  }
  for (const target of unmatchedTargets(wanted, candidates))
    report('warning', 'target-matches-nothing', target, 'this entry of target_modules selects no module of the base');
  const idle = selected.filter((module) => !effective.has(module));
  if (selected.length === 0)
    report(
      'error',
      'nothing-selected',
      'target_modules',
      `it selects none of the ${candidates.length} modules of the base that can be adapted`,
    );
  else if (effective.size === 0)
    report('error', 'no-effect', 'adapter', 'not one of its modules would act on this base');
  else if (idle.length > 0)
    report(
      'warning',
      'partial',
      'adapter',
      `${idle.length} selected modules have no usable tensors and stay as in the base: ${listed(idle)}`,
    );
  return {
    selected,
    effective: selected.filter((module) => effective.has(module)),
    summary: `effective modules ${effective.size} of ${selected.length}`,
    findings,
  };
}

/** The tensor of the base that a fully trained one stands in for; an output embedding may share that of the input. */
export function copiedTensor<T extends BaseTensor>(name: string, tensors: readonly T[]): T | undefined {
  const own = tensors.find((tensor) => tensor.name === name);
  return (
    own ??
    (name === 'lm_head.weight' ? tensors.find((tensor) => tensor.name === 'model.embed_tokens.weight') : undefined)
  );
}

/** A wrong prefix is the usual reason: say which module was probably meant. */
function describeStranger(module: string, linears: ReadonlyMap<string, unknown>): string {
  const none = 'the base has no such linear module';
  const meant = meantModule(module, linears.keys());
  if (meant === undefined) return none;
  return meant.endsWith(`.${module}`)
    ? `${none}; "${meant}" is probably meant, so a prefix is missing in the adapter's names`
    : `${none}; "${meant}" is probably meant, so the prefix of the adapter's names is wrong`;
}

function listed(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}
