import { DomainError, type Finding } from '../errors.ts';
import type { World } from '../platform/ports.ts';
import { baseFacts } from '../records/base-facts.ts';
import { requireReadyBase, type ReadyBase } from '../records/bases.ts';
import { blobSource } from '../records/blob-source.ts';
import type { Caller } from '../records/caller.ts';
import { publishVersion, rejectVersion, type EndOptions } from '../records/publish-version.ts';
import { versionOutcome } from '../records/version-outcome.ts';
import { getVersionRecord, type VersionRecord } from '../records/versions.ts';
import { hashFindings } from './hash-findings.ts';
import type { ValidationDeps } from './validation-deps.ts';

/** Looks at every byte of a version and publishes it, or rejects it with everything that is wrong. */
export async function validateVersion(
  { world, inspect, stop }: ValidationDeps,
  caller: Caller,
  versionId: string,
  options: EndOptions,
): Promise<void> {
  const { value } = await getVersionRecord(world.table, caller.team, versionId);
  const reject = async (findings: readonly Finding[]): Promise<void> =>
    void (await rejectVersion(world, caller, versionId, findings, options));
  let base: ReadyBase;
  try {
    base = await baseOf(world, value);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return reject([{ severity: 'error', code: error.code, message: error.message, where: 'base' }]);
  }
  const sources = value.files.map((file) => blobSource(world, file));
  const report = await inspect({ kind: 'adapter', base: await baseFacts(world, base) }, sources, stop);
  if (report.kind !== 'adapter') throw new Error('invariant broken: an adapter was to be inspected');
  const outcome = versionOutcome(report.validation, report.engines);
  const findings = [...hashFindings(value.files, report.sha256), ...outcome.findings];
  if (findings.some(({ severity }) => severity === 'error')) return reject(findings);
  try {
    await publishVersion(world, caller, versionId, { ...outcome, findings }, options);
  } catch (error) {
    if (!(error instanceof DomainError) || !['adapter-deleted', 'erased'].includes(error.code)) throw error;
    await reject([{ severity: 'error', code: error.code, message: error.message, where: value.adapter }]);
  }
}

/** The base that the upload was begun for, not another one that has its name by now. */
async function baseOf(world: World, { team, base, lineage }: VersionRecord): Promise<ReadyBase> {
  const { value } = await requireReadyBase(world.table, team, base);
  if (lineage.base && lineage.base.id !== value.id)
    throw new DomainError('no-such-base', `The base "${base}" was replaced by another one: begin the upload again.`);
  return value;
}
