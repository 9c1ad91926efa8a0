import type { AliasProtection } from '../../shared/contract/protections.ts';
import { DomainError, type Finding, refuseErrors } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { AdapterRecord } from '../../shared/records/adapters.ts';
import { isApprovedByAnother } from '../../shared/records/approvals.ts';
import { readJsonBlob } from '../../shared/records/base-tensors.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { findJob } from '../../shared/records/jobs.ts';
import { findVersionId } from '../../shared/records/versions.ts';

export interface Promotion {
  readonly alias: string;
  readonly version: number;
  /** Id of the job whose evaluation is to pass the gate. */
  readonly evaluation: string | undefined;
}

/** Holds a promotion against the protection of its alias. Throws `DomainError('not-allowed-by-protection')` with all that is missing. */
export async function refusePromotion(
  world: World,
  caller: Caller,
  adapter: AdapterRecord,
  promotion: Promotion,
): Promise<void> {
  const { alias, version } = promotion;
  const protection = adapter.protections?.[alias];
  if (!protection) return;
  const findings: Finding[] = [];
  const missing = (code: string, message: string): void =>
    void findings.push({ severity: 'error', code, message, where: alias });
  if (protection.approval && !(await isApprovedByAnother(world.table, adapter, { alias, version }, caller)))
    missing(
      'not-approved',
      `nobody else has approved version ${version}; with another key, not of the same service account: lorary alias approve ${adapter.name}@${version} ${alias}`,
    );
  if (protection.gate) {
    const why = await whyNotPassed(world, adapter, protection.gate, promotion);
    if (why !== undefined) missing('gate-not-passed', why);
  }
  refuseErrors(
    'not-allowed-by-protection',
    `"${alias}" is protected, and cannot be pointed to version ${version} yet:`,
    findings,
  );
}

type Gate = NonNullable<AliasProtection['gate']>;

async function whyNotPassed(
  world: World,
  adapter: AdapterRecord,
  gate: Gate,
  { version, evaluation }: Promotion,
): Promise<string | undefined> {
  const { metric, min = -Infinity, max = Infinity, dataset, datasetId, rows } = gate;
  const how = `lorary evaluate --adapter ${adapter.name}@${version} --data ${dataset}`;
  if (evaluation === undefined)
    return `name an evaluation of version ${version} on "${dataset}" (evaluation); make one with: ${how}`;
  const job = (await findJob(world.table, adapter.team, evaluation))?.value;
  if (job?.kind !== 'evaluate' || job.state !== 'succeeded' || job.report === null)
    return `${evaluation} is no evaluation that has succeeded; make one with: ${how}`;
  const id = await findVersionId(world.table, adapter, version);
  if (job.inputs.parents?.[0]?.versionId !== id)
    return `${evaluation} has evaluated something else than version ${version}: ${how}`;
  if (job.inputs.datasets?.[0]?.id !== datasetId)
    return `${evaluation} was not on the dataset "${dataset}" that the gate means: ${how}`;
  const report = (await readJsonBlob(world, job.report)) as { rows?: number } & Partial<
    Record<string, { value?: number }>
  >; // of an evaluation
  if ((report.rows ?? 0) < rows)
    return `${evaluation} has used ${report.rows ?? 0} of the ${rows} rows of "${dataset}": ${how}`;
  const value = report[metric]?.value ?? NaN;
  if (value >= min && value <= max) return undefined;
  return `its ${metric} is ${value}; wanted is ${gate.min === undefined ? '' : `at least ${gate.min}`}${gate.min === undefined || gate.max === undefined ? '' : ' and '}${gate.max === undefined ? '' : `at most ${gate.max}`}`;
}

/** Throws `DomainError('alias-protected')` for what only a promotion may do. */
export function refuseProtected(
  { protections = {} }: Pick<AdapterRecord, 'protections'>,
  aliases: readonly string[],
): void {
  const found = aliases.filter((alias) => Object.hasOwn(protections, alias));
  if (found.length > 0)
    throw new DomainError(
      'alias-protected',
      `${found.map((alias) => `"${alias}"`).join(', ')} is protected: only a promotion moves it (lorary alias), and it is not removed.`,
    );
}
