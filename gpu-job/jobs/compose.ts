import type { ComposeSpec } from '../../shared/contract/specs/compose.ts';
import { composedConfig } from '../../shared/domain/composed-config.ts';
import { refuseErrors, UnavailableError, type Finding } from '../../shared/errors.ts';
import type { FloatDtype } from '../../shared/formats/dtype.ts';
import { loraParameterCount } from '../../shared/methods/lora.ts';
import { distanceFromSum, type Distance } from '../combine/distance.ts';
import type { LowRank, WeightedSum } from '../combine/low-rank.ts';
import { roundedFactors } from '../combine/rounded-factors.ts';
import { streamAdapterFolder, type PlannedModule } from '../folders/stream-adapter.ts';
import { openMembers, type ComposeMember } from './compose-members.ts';
import { planComposition, type CompositionPlan } from './compose-plan.ts';
import { compositionCard } from './composition-card.ts';
import { distanceFindings, summariseDistances, type CompositionReport } from './composition-report.ts';
import type { JobContext } from './job-context.ts';

/**
 * Composes adapters with each other into a new adapter folder with a model card and `composition.json`, the lineage and the
 * distance from the true weighted sum. One module is in memory at a time and no base is read. Throws `DomainError` with
 * all findings of all members, or `UnavailableError` when it was asked to stop; nothing is left behind then.
 */
export async function runCompose(spec: ComposeSpec, context: JobContext): Promise<CompositionReport> {
  const members = await openMembers(spec);
  try {
    const plan = planComposition(spec, members);
    const findings = [...members.flatMap((member) => member.warnings), ...plan.findings];
    for (const finding of refuseErrors('composition', 'These adapters cannot be composed:', findings))
      context.emit({ type: 'finding', finding });
    return await writeComposition(spec, plan, members, findings, context);
  } finally {
    for (const { reader } of members) await reader.close();
  }
}

async function writeComposition(
  spec: ComposeSpec,
  plan: CompositionPlan,
  members: readonly ComposeMember[],
  warnings: readonly Finding[],
  context: JobContext,
): Promise<CompositionReport> {
  const dtype = dtypes[spec.dtype];
  const { modules } = plan;
  const total = modules.length;
  const ranks = new Map(modules.map(({ module, r }) => [module, r]));
  const config = composedConfig(
    members.map(({ reader }) => reader.config),
    ranks,
  );
  const distances = new Map<string, Distance>();
  let report: CompositionReport | undefined;
  await streamAdapterFolder(spec.output, {
    config,
    modules,
    dtype,
    async compute(planned) {
      if (context.stopRequested()) throw new UnavailableError('The composition was stopped before it was complete.');
      const sum = await weightedSum(planned, members);
      const result = roundedFactors(combine(plan, sum, planned.r), dtype);
      distances.set(planned.module, distanceFromSum(result, sum));
      context.emit({ type: 'progress', stage: 'compose', done: distances.size, total, unit: 'modules' });
      return { ...planned, A: result.A, B: result.B, scaling: 1 };
    },
    files(written) {
      const measured = distanceFindings(distances);
      for (const finding of measured) context.emit({ type: 'finding', finding });
      report = {
        ...describe(spec, members),
        result: { r: config.r, modules: total, parameters: loraParameterCount(modules), files: written },
        ...summariseDistances(distances, ranks),
        warnings: [...warnings, ...measured],
      };
      return { 'composition.json': `${JSON.stringify(report, undefined, 2)}\n`, 'README.md': compositionCard(report) };
    },
  });
  return report as CompositionReport; // the folder is written, so its files were asked for
}

const dtypes = { f32: 'F32', bf16: 'BF16', f16: 'F16' } as const satisfies Record<string, FloatDtype>;

/** The recipe, with what pins its ingredients. */
function describe(
  spec: ComposeSpec,
  members: readonly ComposeMember[],
): Pick<CompositionReport, 'kind' | 'type' | 'mode' | 'peftRelease' | 'rank' | 'dtype' | 'members'> {
  return {
    kind: 'composition',
    type: spec.type,
    mode: spec.mode,
    ...(spec.mode === 'exact' ? {} : { peftRelease: spec.peftRelease }),
    ...(spec.rank === undefined ? {} : { rank: spec.rank }),
    dtype: spec.dtype,
    members: members.map(({ name, weight, reader, files }) => ({
      name,
      weight,
      base_model_name_or_path: reader.config.base_model_name_or_path,
      r: reader.config.r,
      lora_alpha: reader.config.lora_alpha,
      use_rslora: reader.config.use_rslora,
      modules: reader.pairs.size,
      files,
    })),
  };
}

/** The updates of the members that have the module. */
async function weightedSum(
  { module, inFeatures, outFeatures }: PlannedModule,
  members: readonly ComposeMember[],
): Promise<WeightedSum> {
  const updates = [];
  for (const { weight, reader } of members)
    if (reader.pairs.has(module)) updates.push({ ...(await reader.readModule(module)), weight });
  return { module, inFeatures, outFeatures, updates };
}

function combine({ combination, mode, options }: CompositionPlan, sum: WeightedSum, rank: number): LowRank {
  return mode === 'exact' ? combination.exact(sum, options) : combination.peftCompatible(sum, rank, options);
}
