import { basename, resolve } from 'node:path';
import type { ExportReport } from '../../shared/contract/reports.ts';
import { exportDtype, type ExportSpec } from '../../shared/contract/specs/export.ts';
import { refuseErrors } from '../../shared/errors.ts';
import { beyondFactorFindings } from '../../shared/domain/beyond-factors.ts';
import { exportCard } from './export-card.ts';
import { storedTypes } from './encode-values.ts';
import { fitOf, isTied, openExportedAdapter, outputFindings } from './export-inputs.ts';
import { openGgufBase } from './gguf-base.ts';
import { loraGguf, loraGgufFindings } from './lora-gguf.ts';
import { writeGgufFolder } from './write-gguf-folder.ts';
import type { JobContext } from '../jobs/job-context.ts';

/** Writes an adapter as `adapter.gguf`, for llama.cpp beside a GGUF of its base. */
export async function exportLoraGguf(spec: ExportSpec, context: JobContext): Promise<ExportReport> {
  const findings = await outputFindings(spec);
  const base = await openGgufBase(spec.base ?? '', findings); // the schema demands it
  const adapter = await openExportedAdapter(spec, findings);
  findings.push(...(adapter ? beyondFactorFindings(adapter.config, adapter.pairs.values()) : []));
  try {
    const fit = base && adapter && fitOf(base.folder, adapter);
    findings.push(...(fit?.findings ?? []));
    if (base && adapter) findings.push(...loraGgufFindings(adapter.pairs.keys(), { tied: isTied(base.folder) }));
    const warnings = refuseErrors('export', 'The adapter cannot be exported to GGUF:', findings);
    if (!base || !adapter || !fit) throw new Error('a part is missing without a finding');
    for (const finding of warnings) context.emit({ type: 'finding', finding });
    const dtype = exportDtype(spec);
    const name = basename(resolve(adapter.path));
    const { metadata, tensors } = loraGguf(adapter, fit.effective, { ...base, type: storedTypes[dtype], name });
    const described = {
      format: spec.format,
      main: 'adapter.gguf',
      dtype,
      base: basename(resolve(base.folder.path)),
      adapter: name,
      baseName: adapter.config.base_model_name_or_path,
      warnings,
    } as const;
    const files = await writeGgufFolder(
      spec.output,
      { fileName: described.main, metadata, tensors, files: { 'README.md': exportCard(described) } },
      context,
    );
    const { baseName: _, ...reported } = described;
    return {
      kind: 'export',
      ...reported,
      output: spec.output,
      summary: fit.summary,
      tensors: tensors.length,
      files,
    };
  } finally {
    await adapter?.close();
  }
}
