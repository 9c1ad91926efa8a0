import type { ComposeSpec } from '../../shared/contract/specs/compose.ts';
import {
  carriedOut,
  moduleRanks,
  peftRank,
  resultRankFindings,
  type CombinationMode,
  type CombinationOptions,
  type CombinationType,
} from '../../shared/domain/combination-rules.ts';
import { memberCompatibility } from '../../shared/domain/member-compatibility.ts';
import type { Finding } from '../../shared/errors.ts';
import type { Combination } from '../combine/combination.ts';
import { findCombination } from '../combine/registry.ts';
import type { PlannedModule } from '../folders/stream-adapter.ts';
import type { ComposeMember } from './compose-members.ts';

/** What a composition will do and write, known from the headers of its members. */
export interface CompositionPlan {
  readonly combination: Combination;
  readonly mode: CombinationMode;
  readonly options: CombinationOptions;
  /** Every module that any member has, by name, with its rank in the result. */
  readonly modules: readonly PlannedModule[];
  /** Everything that stands against it, and what a reader should know. */
  readonly findings: readonly Finding[];
}

export function planComposition(spec: ComposeSpec, members: readonly ComposeMember[]): CompositionPlan {
  const { mode } = spec;
  const { type, options } = carriedOut(spec, members.length);
  const combination = findCombination(type);
  const ranks = moduleRanks(members.map(({ reader }) => reader.pairs.values()));
  const ranked = members.map(({ name, reader }) => ({ name, peftRank: peftRank(reader.config) }));
  const peftRanks = ranked.map((member) => member.peftRank);
  const modules = ranks.map((module) => ({
    module: module.module,
    inFeatures: module.inFeatures,
    outFeatures: module.outFeatures,
    r: mode === 'exact' ? combination.exactRank(module, options) : combination.peftRank(peftRanks, options),
  }));
  const shapes = members.map(({ name, reader }) => ({ name, config: reader.config, modules: reader.pairs.values() }));
  const findings = [
    ...memberCompatibility(shapes, { allowDifferentBases: spec.allowDifferentBases }),
    ...combination.refusals({ mode, options, members: ranked, modules: ranks }),
    ...resultRankFindings(modules.map(({ r }) => r)),
    ...(mode === 'exact' ? [] : peftFindings(spec, members, type)),
  ];
  return { combination, mode, options, modules, findings };
}

/** Where PEFT does something that a reader of the recipe would not expect. */
function peftFindings(spec: ComposeSpec, members: readonly ComposeMember[], type: CombinationType): Finding[] {
  const findings: Finding[] = [];
  const warn = (code: string, where: string, message: string): void =>
    void findings.push({ severity: 'warning', code, where, message });
  if (type !== spec.type)
    warn('single-member', 'type', `PEFT does linear for a single member, so ${spec.type} was not done.`);
  const [first] = members;
  if (first?.reader.config.use_rslora)
    warn(
      'rslora-inherited',
      first.name,
      'PEFT lets the result inherit use_rslora from its first member, which scales it by sqrt(r); here its factors are the same and its scaling is 1.',
    );
  return findings;
}
