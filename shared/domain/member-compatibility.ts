import type { Finding } from '../errors.ts';
import type { LoraConfig } from '../methods/lora.ts';
import type { AdapterModule } from './adapter-fit.ts';

/** An adapter that is to be composed with others, as its headers tell. */
export interface CompositionMember {
  /** For messages: the name of its folder. */
  readonly name: string;
  readonly config: Pick<LoraConfig, 'base_model_name_or_path' | 'revision' | 'task_type'>;
  readonly modules: Iterable<AdapterModule>;
}

/**
 * Everything that stands against composing these adapters with each other, whatever the combination. Errors: modules of different
 * sizes, bases of different names (a warning with `allowDifferentBases`, or where only the path before the name differs).
 */
export function memberCompatibility(
  members: readonly CompositionMember[],
  options: { readonly allowDifferentBases?: boolean } = {},
): Finding[] {
  return [
    ...baseFindings(members, options.allowDifferentBases === true),
    ...taskFindings(members),
    ...sizeFindings(members),
  ];
}

function baseFindings(members: readonly CompositionMember[], allowed: boolean): Finding[] {
  const findings: Finding[] = [];
  const report = (severity: Finding['severity'], where: string, message: string, code = 'different-bases'): void =>
    void findings.push({ severity, code, where, message });
  const [first, ...others] = members.filter(({ config }) => config.base_model_name_or_path !== null);
  for (const { name, config } of members)
    if (config.base_model_name_or_path === null)
      report(
        'warning',
        name,
        'it does not say which base it was trained on, so only the sizes could be compared',
        'unknown-base',
      );
  const firstBase = first?.config.base_model_name_or_path;
  for (const { name, config } of others) {
    const base = config.base_model_name_or_path;
    if (!first || !firstBase || !base) continue;
    const names = `its base is "${base}", that of ${first.name} is "${firstBase}"`;
    if (base === firstBase) {
      if (config.revision !== first.config.revision)
        report(
          'warning',
          name,
          `its base is of revision ${config.revision}, that of ${first.name} ${first.config.revision}`,
        );
    } else if (lastPart(base) === lastPart(firstBase)) report('warning', name, `${names}: taken to be the same`);
    else if (allowed) report('warning', name, `${names}: updates of different bases seldom add up to anything useful`);
    else
      report(
        'error',
        name,
        `${names}; updates only add up on one base (allowDifferentBases composes them all the same)`,
      );
  }
  return findings;
}

/** The name of a model or folder without what is before it; owners rename, folders move. */
function lastPart(base: string): string {
  return (
    base
      .replace(/[/\\]+$/, '')
      .split(/[/\\]/)
      .at(-1) ?? base
  ).toLowerCase();
}

function taskFindings(members: readonly CompositionMember[]): Finding[] {
  const tasks = new Set(members.map(({ config }) => config.task_type).filter((task) => task !== null));
  if (tasks.size <= 1) return [];
  const message = `The members are for different tasks: ${[...tasks].join(', ')}; the result is marked as the first.`;
  return [{ severity: 'warning', code: 'different-tasks', message, where: 'task_type' }];
}

function sizeFindings(members: readonly CompositionMember[]): Finding[] {
  const findings: Finding[] = [];
  const known = new Map<string, AdapterModule & { readonly owner: string }>();
  for (const { name, modules } of members)
    for (const { module, inFeatures, outFeatures } of modules) {
      const other = known.get(module);
      if (!other) known.set(module, { module, inFeatures, outFeatures, owner: name });
      else if (other.inFeatures !== inFeatures || other.outFeatures !== outFeatures) {
        const message = `in ${name} it has ${inFeatures} inputs and ${outFeatures} outputs, in ${other.owner} ${other.inFeatures} and ${other.outFeatures}: they were made for different bases`;
        findings.push({ severity: 'error', code: 'different-sizes', message, where: module });
      }
    }
  return findings;
}
