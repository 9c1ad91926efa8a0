import { basename, join } from 'node:path';
import type { ComposeSpec } from '../../shared/contract/specs/compose.ts';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import { beyondFactorFindings } from '../../shared/domain/beyond-factors.ts';
import {
  adapterConfigFileName,
  adapterWeightsFileName,
  openAdapterFolder,
  type AdapterReader,
} from '../folders/adapter.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { isOccupied } from '../folders/files.ts';
import { hashFile, type FileDigest } from '../folders/hashes.ts';

/** An adapter that takes part in a composition, open. */
export interface ComposeMember {
  /** The last part of the folder's path. */
  readonly name: string;
  readonly weight: number;
  readonly reader: AdapterReader;
  readonly files: Readonly<Record<string, FileDigest>>;
  readonly warnings: readonly Finding[];
}

/** Opens all members; what is wrong with the last is told together with what is wrong with the first. The caller closes them. */
export async function openMembers(spec: ComposeSpec): Promise<ComposeMember[]> {
  const findings: Finding[] = [];
  const members: ComposeMember[] = [];
  if (await isOccupied(spec.output))
    findings.push({
      severity: 'error',
      code: 'folder-exists',
      message: 'there is something already',
      where: spec.output,
    });
  for (const { adapter, weight } of spec.members) {
    const reader = await collectFindings(findings, adapter, () => openAdapterFolder(adapter));
    if (!reader) continue;
    findings.push(
      ...beyondFactorFindings(reader.config, reader.pairs.values()).map((finding) => ({
        ...finding,
        where: `${adapter} ${finding.where}`,
      })),
    );
    const name = basename(adapter);
    const warnings = reader.warnings.map((finding) => ({ ...finding, where: `${name} ${finding.where ?? ''}`.trim() }));
    if (weight === 0)
      warnings.push({
        severity: 'warning',
        code: 'zero-weight',
        message: 'its weight is 0: it adds nothing',
        where: name,
      });
    members.push({ name, weight, reader, warnings, files: await digests(adapter) });
  }
  try {
    refuseErrors('composition', 'These adapters cannot be composed:', findings);
  } catch (error) {
    for (const { reader } of members) await reader.close();
    throw error;
  }
  return members;
}

async function digests(folder: string): Promise<Record<string, FileDigest>> {
  const names = [adapterConfigFileName, adapterWeightsFileName];
  const files: Record<string, FileDigest> = {};
  for (const name of names) files[name] = await hashFile(join(folder, name));
  return files;
}
