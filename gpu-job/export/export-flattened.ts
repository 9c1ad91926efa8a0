import { basename, resolve } from 'node:path';
import type { ExportReport } from '../../shared/contract/reports.ts';
import { exportDtype, type ExportSpec } from '../../shared/contract/specs/export.ts';
import { linearModules } from '../../shared/domain/base-modules.ts';
import { flattenedConfig, flattenedRank, missingLayers } from '../../shared/domain/flattened-config.ts';
import { refuseErrors, UnavailableError, type Finding } from '../../shared/errors.ts';
import type { FloatDtype } from '../../shared/formats/dtype.ts';
import { beyondFactorFindings } from '../../shared/domain/beyond-factors.ts';
import type { AdapterReader, LoraModule } from '../folders/adapter.ts';
import { openBaseModel, type BaseModelFolder } from '../folders/base-model.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { hashText, type FileDigest } from '../folders/hashes.ts';
import { streamAdapterFolder, type PlannedModule } from '../folders/stream-adapter.ts';
import type { JobContext } from '../jobs/job-context.ts';
import { storedTypes } from './encode-values.ts';
import { exportCard } from './export-card.ts';
import { fitOf, openExportedAdapter, outputFindings } from './export-inputs.ts';

/**
 * Writes the flattened form of an adapter: rank R = the largest rank and lora_alpha = R for all modules, A and B padded with zeros,
 * each B multiplied by its module's scaling. What it computes stays the same, for engines that know one rank and one alpha.
 */
export async function exportFlattened(spec: ExportSpec, context: JobContext): Promise<ExportReport> {
  const findings = await outputFindings(spec);
  const { base: path } = spec;
  const base = path === undefined ? undefined : await collectFindings(findings, path, () => openBaseModel(path));
  const adapter = await openExportedAdapter(spec, findings);
  findings.push(...(adapter ? beyondFactorFindings(adapter.config, adapter.pairs.values()) : []));
  try {
    const fit = base && adapter && fitOf(base, adapter);
    findings.push(...(base?.warnings ?? []), ...(fit?.findings ?? []));
    const warnings = refuseErrors('export', 'The adapter cannot be flattened:', findings);
    if (!adapter) throw new Error('a part is missing without a finding');
    for (const finding of warnings) context.emit({ type: 'finding', finding });
    return await writeFlattened(spec, { adapter, base, warnings, summary: fit?.summary ?? null }, context);
  } finally {
    await adapter?.close();
  }
}

interface FlattenedInputs {
  readonly adapter: AdapterReader;
  readonly base: BaseModelFolder | undefined;
  readonly warnings: readonly Finding[];
  readonly summary: string | null;
}

async function writeFlattened(
  spec: ExportSpec,
  { adapter, base, warnings, summary }: FlattenedInputs,
  context: JobContext,
): Promise<ExportReport> {
  const rank = flattenedRank(adapter.pairs.values());
  const linears = base && [...linearModules(base.tensors.values())].map(([module, size]) => ({ module, ...size }));
  const filled = spec.fillLayers ? missingLayers(adapter.pairs.keys(), linears ?? []) : [];
  const modules: PlannedModule[] = [...adapter.pairs.values(), ...filled].map((size) => ({ ...size, r: rank }));
  const names = modules.map(({ module }) => module);
  const config = {
    ...flattenedConfig(
      adapter.config,
      names,
      rank,
      linears?.map(({ module }) => module),
    ),
    ...(spec.baseModelName === undefined ? {} : { base_model_name_or_path: spec.baseModelName }),
  };
  const dtype = exportDtype(spec);
  const card = {
    format: spec.format,
    main: '.',
    dtype,
    base: base === undefined ? null : basename(resolve(base.path)),
    adapter: basename(resolve(adapter.path)),
    warnings,
  };
  const readme = exportCard({ ...card, baseName: config.base_model_name_or_path });
  let files: Readonly<Record<string, FileDigest>> = {};
  let done = 0;
  await streamAdapterFolder(spec.output, {
    config,
    modules,
    dtype: storedTypes[dtype] as FloatDtype, // the schema refuses q8_0
    async compute(planned) {
      if (context.stopRequested()) throw new UnavailableError('The export was stopped before it was complete.');
      const own = adapter.pairs.has(planned.module) ? await adapter.readModule(planned.module) : undefined;
      context.emit({ type: 'progress', stage: 'export', done: ++done, total: modules.length, unit: 'modules' });
      return flattenedModule(planned, own);
    },
    files(written) {
      files = { ...written, 'README.md': hashText(readme) };
      return { 'README.md': readme };
    },
  });
  return { kind: 'export', ...card, output: spec.output, summary, tensors: 2 * modules.length, files };
}

/** A with rows of zeros and scaling * B with columns of zeros, up to the planned rank; all zeros where the adapter has nothing. */
function flattenedModule(planned: PlannedModule, own: LoraModule | undefined): LoraModule {
  const { r, inFeatures, outFeatures } = planned;
  const A = new Float32Array(r * inFeatures);
  const B = new Float32Array(outFeatures * r);
  if (own) {
    A.set(own.A);
    for (let row = 0; row < outFeatures; row++)
      for (let k = 0; k < own.r; k++) B[row * r + k] = own.scaling * (own.B[row * own.r + k] as number);
  }
  return { ...planned, A, B, scaling: 1 };
}
