import { createComposition as operation } from '../../shared/contract/compositions.ts';
import type { OperationInput } from '../../shared/contract/operation.ts';
import {
  carriedOut,
  combinationRefusals,
  moduleRanks,
  peftRank,
  resultRankFindings,
  type CombinationPlan,
} from '../../shared/domain/combination-rules.ts';
import { memberCompatibility } from '../../shared/domain/member-compatibility.ts';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import {
  compositionWrite,
  getCompositionRecord,
  presentComposition,
  type CompositionRecord,
} from '../../shared/records/compositions.ts';
import { creator } from '../http/handler.ts';
import { pinMembers, type PinnedMember } from './composition-members.ts';

export const createComposition = creator(
  operation,
  async ({ world }, caller, { body }) => {
    const { members: asked, ...recipe } = body;
    const { team } = caller;
    const { members, findings } = await pinMembers(world, team, asked);
    const warnings = refuseErrors('composition', 'These adapters cannot be composed:', [
      ...findings,
      ...compatibility(body, members),
      ...sharedFindings(team, members),
    ]);
    const composition: CompositionRecord = {
      ...recipe,
      id: newId(world, 'cmp'),
      team,
      base: members[0]?.version.base ?? '',
      members: members.map(({ version, weight }) => ({
        adapter: version.adapter,
        versionId: version.id,
        version: version.version,
        weight,
      })),
      warnings: [...warnings],
      createdAt: new Date(world.now()).toISOString(),
      createdBy: caller.keyId,
    };
    const { name } = recipe;
    const change = { action: 'composition.create', resource: `compositions/${name}`, created: name };
    try {
      await commit(world, caller, change, [compositionWrite(composition)]);
    } catch (error) {
      if (error instanceof ConditionError && error.failed.includes(0))
        throw new DomainError('name-taken', `There is a composition "${name}" already: choose another name.`);
      throw error;
    }
    return presentComposition(composition);
  },
  async ({ world }, { team }, created) =>
    presentComposition((await getCompositionRecord(world.table, team, created)).value),
);

/** No more members of other teams than a job may read. */
function sharedFindings(team: string, members: readonly PinnedMember[]): Finding[] {
  const shared = new Set(members.filter(({ version }) => version.team !== team).map(({ version }) => version.id));
  if (shared.size <= limits.sharedVersionsMax) return [];
  const message = `${shared.size} of its members are other teams'; a job reads at most ${limits.sharedVersionsMax} of those: compose some of them first`;
  return [{ severity: 'error', code: 'too-many-shared', where: 'members', message }];
}

type Recipe = Pick<OperationInput<typeof operation>['body'], 'type' | 'mode' | 'peftRelease' | 'rank'>;

/** Everything that the headers of the members have against each other and against the recipe. */
function compatibility(recipe: Recipe, members: readonly PinnedMember[]): Finding[] {
  const { mode } = recipe;
  const modules = moduleRanks(members.map((member) => member.modules));
  const { type, options } = carriedOut(recipe, members.length);
  const ranked = members.map(({ name, config }) => ({ name, peftRank: peftRank(config) }));
  return [
    ...baseFindings(members),
    // a team may know one base by several names that its files give it: the sizes decide, the names warn
    ...memberCompatibility(members, { allowDifferentBases: true }),
    ...combinationRefusals[type]({ mode, options, members: ranked, modules }),
    ...(type === 'cat' ? resultRankFindings(catRanks(mode, ranked, modules)) : []),
    ...members.filter(({ weight }) => weight === 0).map(zeroWeight),
  ];
}

function catRanks(
  mode: Recipe['mode'],
  members: CombinationPlan['members'],
  modules: CombinationPlan['modules'],
): number[] {
  if (mode === 'exact') return modules.map(({ ranks }) => ranks.reduce((sum, r) => sum + r, 0));
  return [members.reduce((sum, member) => sum + member.peftRank, 0)];
}

function baseFindings(members: readonly PinnedMember[]): Finding[] {
  const [first, ...others] = members;
  return others.flatMap(({ name, version }): Finding[] => {
    if (!first || version.base === first.version.base) return [];
    const message = `it belongs to the base "${version.base}", ${first.name} to "${first.version.base}"; updates only add up on one base`;
    return [{ severity: 'error', code: 'different-bases', where: name, message }];
  });
}

function zeroWeight({ name }: PinnedMember): Finding {
  return { severity: 'warning', code: 'zero-weight', where: name, message: 'its weight is 0: it adds nothing' };
}
