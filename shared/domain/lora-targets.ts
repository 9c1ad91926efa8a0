import type { Finding } from '../errors.ts';
import { isAllLinear, loraConfigFindings } from '../methods/lora-config-file.ts';
import { loraRank, loraScaling, type LoraConfig } from '../methods/lora.ts';
import { patternKeyMatches } from '../methods/pattern-value.ts';
import { selectModules, unmatchedTargets } from './module-matching.ts';
import { patternWorkFindings } from './pattern-work.ts';

/** A module of a base that LoRA may act on. */
export interface LinearSize {
  readonly module: string;
  readonly kind?: 'embedding';
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** A module that a config selects for training, with its own rank and the factor of its update. */
export interface LoraTargetPlan {
  readonly module: string;
  readonly r: number;
  readonly scaling: number;
}

/** What a LoRA config would train on a base, and everything that is wrong or odd about it. */
export function loraTargets(
  config: LoraConfig,
  modules: readonly LinearSize[],
): { readonly targets: readonly LoraTargetPlan[]; readonly findings: readonly Finding[] } {
  const findings: Finding[] = loraConfigFindings(config);
  if (findings.some(({ severity }) => severity === 'error')) return { targets: [], findings };
  const report = (severity: Finding['severity'], code: string, where: string, message: string): void =>
    void findings.push({ severity, code, where, message });
  const { target_modules: wanted } = config;
  const linears =
    typeof wanted === 'string' && isAllLinear(wanted) ? modules.filter(({ kind }) => kind !== 'embedding') : modules;
  const names = linears.map(({ module }) => module);
  const tooMuch = patternWorkFindings(config, names);
  if (tooMuch.length > 0) return { targets: [], findings: [...findings, ...tooMuch] };
  const selected = new Set(selectModules(config.target_modules, names, config));
  const chosen = linears.filter(({ module }) => selected.has(module));
  const unmatched = unmatchedTargets(config.target_modules, names);
  if (chosen.length === 0)
    report(
      'error',
      'targets-nothing',
      'target_modules',
      `selects no module of this base; its modules are named ${lastNames(names)}`,
    );
  else
    for (const entry of unmatched)
      report(
        'warning',
        'target-matches-nothing',
        'target_modules',
        `"${entry}" selects no module of this base; there are ${lastNames(names)}`,
      );
  for (const pattern of ['rank_pattern', 'alpha_pattern'] as const)
    for (const key of Object.keys(config[pattern]))
      if (!chosen.some(({ module }) => patternKeyMatches(key, module)))
        report('warning', 'pattern-matches-nothing', `${pattern}.${key}`, 'matches none of the selected modules');
  const targets = chosen.map(({ module }) => {
    const r = loraRank(config, module);
    return { module, r, scaling: loraScaling(config, module, r) };
  });
  const wasteful = targets.filter(
    ({ r }, i) => r > Math.min(sizeAt(chosen, i).inFeatures, sizeAt(chosen, i).outFeatures),
  );
  if (wasteful[0])
    report(
      'warning',
      'rank-above-size',
      'r',
      `${wasteful[0].r} is more than the smaller side of ${wasteful[0].module}${wasteful.length > 1 ? ` and ${wasteful.length - 1} others` : ''}: an update cannot use it`,
    );
  return { targets, findings };
}

/** `q_proj, v_proj, ...`: what an entry of target_modules may say. */
function lastNames(modules: readonly string[]): string {
  return [...new Set(modules.map((module) => module.slice(module.lastIndexOf('.') + 1)))].join(', ');
}

const sizeAt = (sizes: readonly LinearSize[], i: number): LinearSize => sizes[i] as LinearSize; // targets are made one for each
