import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ExportReport } from '../../shared/contract/reports.ts';
import type { ExportSpec } from '../../shared/contract/specs/export.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { encodeLoraConfig, parseLoraConfig } from '../../shared/methods/lora-config-file.ts';
import { loraUnsupported } from '../../shared/methods/lora-unsupported.ts';
import { adapterConfigFileName, adapterWeightsFileName } from '../folders/adapter.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { copyToSink, readJsonFile, readTextFile, writeFileAtomic, writeFolderAtomic } from '../folders/files.ts';
import { hashFile, type FileDigest } from '../folders/hashes.ts';
import { headerOfFile } from '../folders/header-of-file.ts';
import type { JobContext } from '../jobs/job-context.ts';
import { exportCard } from './export-card.ts';
import { outputFindings } from './export-inputs.ts';

/**
 * Writes a clean PEFT folder: config, one safetensors file, copied byte for byte, and a card, and nothing else that an engine might
 * stumble over. Adapters that cannot be trained here, such as DoRA, are passed on with their config as it is.
 */
export async function exportPeft(spec: ExportSpec, context: JobContext): Promise<ExportReport> {
  const path = spec.adapter ?? ''; // the schema demands it
  const findings = await outputFindings(spec);
  const config = await collectFindings(findings, path, () => cleanConfig(path, spec.baseModelName));
  const header = await collectFindings(findings, path, () => headerOfFile(join(path, adapterWeightsFileName)));
  refuseErrors('export', 'The adapter cannot be exported:', findings);
  if (!config || !header) throw new Error('a part is missing without a finding');
  const card = {
    format: spec.format,
    main: '.',
    dtype: 'as stored',
    base: null,
    adapter: basename(resolve(path)),
    warnings: [],
  };
  const own = (await readdir(path)).includes('README.md') ? await readTextFile(join(path, 'README.md')) : undefined;
  const files: Record<string, FileDigest> = {};
  await writeFolderAtomic(spec.output, async (folder) => {
    const source = await openFileSource(join(path, adapterWeightsFileName));
    try {
      await writeFileAtomic(join(folder, adapterWeightsFileName), (sink) => copyToSink(source, sink));
    } finally {
      await source.close();
    }
    await writeFileAtomic(join(folder, adapterConfigFileName), config.text);
    await writeFileAtomic(join(folder, 'README.md'), own ?? exportCard({ ...card, baseName: config.baseName }));
    for (const name of [adapterWeightsFileName, adapterConfigFileName, 'README.md'])
      files[name] = await hashFile(join(folder, name));
    const [copy, given] = [files[adapterWeightsFileName], await hashFile(join(path, adapterWeightsFileName))];
    if (copy?.sha256 !== given.sha256)
      throw new DomainError('file-changed', `${path} changed while it was being copied; run again.`);
  });
  context.emit({ type: 'progress', stage: 'export', done: 1, total: 1, unit: 'adapters' });
  return { kind: 'export', ...card, output: spec.output, summary: null, tensors: header.tensors.size, files };
}

/** Our own spelling where we know all that a config says; else its own, but for the one name that may be given. */
async function cleanConfig(
  path: string,
  baseModelName: string | undefined,
): Promise<{ readonly text: string; readonly baseName: string | null }> {
  const given = await readJsonFile(join(path, adapterConfigFileName));
  const named = baseModelName === undefined ? {} : { base_model_name_or_path: baseModelName };
  const config = { ...parseLoraConfig(given), ...named };
  const baseName = config.base_model_name_or_path;
  if (loraUnsupported(config).length === 0) return { text: encodeLoraConfig(config), baseName };
  return { text: `${JSON.stringify({ ...(given as object), ...named }, undefined, 2)}\n`, baseName }; // parsed as an object above
}
