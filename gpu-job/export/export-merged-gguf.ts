import { copyFile, readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ExportReport } from '../../shared/contract/reports.ts';
import { exportDtype, type ExportSpec } from '../../shared/contract/specs/export.ts';
import { refuseErrors } from '../../shared/errors.ts';
import { openFileSource, type FileSource } from '../../shared/files/file-source.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import type { JobContext } from '../jobs/job-context.ts';
import { createMergeProducts } from '../merge/merge-products.ts';
import { storedTypes } from './encode-values.ts';
import { exportCard } from './export-card.ts';
import { openExportedAdapter, outputFindings } from './export-inputs.ts';
import { openGgufBase } from './gguf-base.ts';
import { modelMetadata } from './gguf-model.ts';
import { readGgufText } from './gguf-text.ts';
import { mergedGgufTensors, planMergedGguf } from './merged-gguf.ts';
import { createTensorValues } from './tensor-values.ts';
import { writeGgufFolder } from './write-gguf-folder.ts';

/** Writes a model, with an adapter merged into it or without, as `model.gguf`: weights, tokenizer and chat template. */
export async function exportMergedGguf(spec: ExportSpec, context: JobContext): Promise<ExportReport> {
  const findings = await outputFindings(spec);
  const path = spec.base ?? ''; // the schema demands it
  const base = await openGgufBase(path, findings);
  const text = base && (await collectFindings(findings, path, () => readGgufText(path, base.spec.vocabSize)));
  const adapter = await openExportedAdapter(spec, findings);
  const products = createMergeProducts(spec.threads);
  const opened = new Map<string, Promise<FileSource>>();
  try {
    const dtype = exportDtype(spec);
    const plan = base && planMergedGguf(base.folder, adapter, { ...base, type: storedTypes[dtype] });
    findings.push(...(plan?.findings ?? []));
    const warnings = refuseErrors('export', 'The model cannot be exported to GGUF:', findings);
    if (!base || !text || !plan) throw new Error('a part is missing without a finding');
    for (const finding of warnings) context.emit({ type: 'finding', finding });
    const file = (name: string): Promise<FileSource> => {
      const source = opened.get(name) ?? openFileSource(join(path, name));
      opened.set(name, source);
      return source;
    };
    const values = createTensorValues({ file, ...(adapter ? { adapter } : {}) }, products.merged);
    const tensors = mergedGgufTensors(plan.tensors, base.rope, values);
    const names = {
      base: basename(resolve(path)),
      adapter: adapter === undefined ? null : basename(resolve(adapter.path)),
    };
    const name = names.adapter === null ? names.base : `${names.base} with ${names.adapter}`;
    const card = { format: spec.format, main: 'model.gguf', dtype, ...names, warnings };
    const files = await writeGgufFolder(
      spec.output,
      {
        fileName: card.main,
        metadata: { ...modelMetadata(base, { name, type: storedTypes[dtype] }), ...text },
        tensors,
        files: {
          'README.md': exportCard({ ...card, baseName: adapter?.config.base_model_name_or_path ?? null }),
          Modelfile: `FROM ./${card.main}\n`,
        },
        fill: (folder) => copyLicences(path, folder),
      },
      context,
    );
    const { summary } = plan;
    return { kind: 'export', ...card, output: spec.output, summary, tensors: tensors.length, files };
  } finally {
    await products.close();
    await adapter?.close();
    for (const source of opened.values()) await (await source).close();
  }
}

/** The terms under which the base may be passed on go with its weights. */
async function copyLicences(from: string, to: string): Promise<readonly string[]> {
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.flatMap((entry) =>
    entry.isFile() && /^(licen[cs]e|notice|use_policy)/i.test(entry.name) ? [entry.name] : [],
  );
  for (const name of names) await copyFile(join(from, name), join(to, name));
  return names;
}
