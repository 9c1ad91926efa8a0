import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { MergeSpec } from '../../shared/contract/specs/merge.ts';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import { openFileSource, type FileSource } from '../../shared/files/file-source.ts';
import { openAdapterFolder, type AdapterReader } from '../folders/adapter.ts';
import { openBaseModel, type BaseModelFolder } from '../folders/base-model.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { isOccupied } from '../folders/files.ts';
import { planMerge, type MergePlan } from '../merge/merge-plan.ts';

/** Everything a merge needs, open and checked. */
export interface MergeInputs {
  readonly base: BaseModelFolder;
  readonly adapter: AdapterReader;
  readonly plan: MergePlan;
  readonly warnings: readonly Finding[];
  /** A file of the base, opened at its first use. */
  file(name: string): Promise<FileSource>;
  close(): Promise<void>;
}

/** Opens base and adapter and plans the merge; throws `DomainError('merge')` with all findings before anything is written. */
export async function openMergeInputs(spec: MergeSpec): Promise<MergeInputs> {
  const findings = await outputFindings(spec);
  const base = await collectFindings(findings, spec.base, () => openBaseModel(spec.base));
  const adapter = await collectFindings(findings, spec.adapter, () => openAdapterFolder(spec.adapter));
  try {
    const plan = base && adapter && planMerge(base, adapter, spec.dtype);
    if (base && adapter && plan)
      findings.push(
        ...base.warnings,
        ...adapter.warnings.map(strictly),
        ...plan.findings,
        ...nameFindings(base, adapter),
      );
    const warnings = refuseErrors('merge', 'The adapter cannot be merged:', findings);
    const files = new Map<string, Promise<FileSource>>();
    return {
      // without errors all three are there
      base: base as BaseModelFolder,
      adapter: adapter as AdapterReader,
      plan: plan as MergePlan,
      warnings,
      file(name) {
        const opened = files.get(name) ?? openFileSource(join(spec.base, name));
        files.set(name, opened);
        return opened;
      },
      async close() {
        await adapter?.close();
        for (const file of files.values()) await (await file).close();
      },
    };
  } catch (error) {
    await adapter?.close();
    throw error;
  }
}

async function outputFindings({ base, adapter, output }: MergeSpec): Promise<Finding[]> {
  const findings: Finding[] = [];
  const refuse = (code: string, message: string): void =>
    void findings.push({ severity: 'error', code, message, where: output });
  if (await isOccupied(output)) refuse('folder-exists', 'there is something already; a merge never overwrites');
  const place = await realPlace(output);
  for (const input of [base, adapter])
    if (isInside(place, await realPlace(input))) refuse('output-inside-input', `it lies inside ${input}`);
  return findings;
}

/** The path with links resolved, as far as it exists. */
async function realPlace(path: string): Promise<string> {
  const full = resolve(path);
  const parent = dirname(full);
  try {
    return await realpath(full);
  } catch {
    return parent === full ? full : join(await realPlace(parent), basename(full));
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === path);
}

/** An adapter without effect may be used, but merging it would only make a second copy of the base. */
function strictly(finding: Finding): Finding {
  return finding.code === 'no-effect' ? { ...finding, severity: 'error' } : finding;
}

function nameFindings(base: BaseModelFolder, adapter: AdapterReader): Finding[] {
  const trainedOn = adapter.config.base_model_name_or_path;
  const own = base.config['_name_or_path'];
  const names = [basename(resolve(base.path)), typeof own === 'string' ? own : ''].map(lastPart);
  if (trainedOn === null || names.includes(lastPart(trainedOn))) return [];
  const message = `the adapter was trained on "${trainedOn}"; the sizes fit this base, but its name is ${names[0]}`;
  return [{ severity: 'warning', code: 'other-base-name', message, where: base.path }];
}

function lastPart(name: string): string {
  return basename(name.replaceAll('\\', '/')).toLowerCase();
}
