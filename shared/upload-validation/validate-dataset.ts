import { ConditionError } from '../platform/ports.ts';
import { blobSource } from '../records/blob-source.ts';
import type { Caller } from '../records/caller.ts';
import { commit } from '../records/commit.ts';
import { datasetWrite, type DatasetRecord } from '../records/datasets.ts';
import type { EndOptions } from '../records/publish-version.ts';
import { purgeWrite } from '../records/purges.ts';
import type { Stored } from '../records/stored.ts';
import { findingsThatFit } from '../records/versions.ts';
import { hashFindings } from './hash-findings.ts';
import type { ValidationDeps } from './validation-deps.ts';

/** Reads a dataset as every base will and makes it ready, or rejects it with everything that is wrong. */
export async function validateDataset(
  { world, inspect, stop }: ValidationDeps,
  caller: Caller,
  { value, revision }: Stored<DatasetRecord>,
  options: EndOptions,
): Promise<void> {
  const { file } = value;
  if (!file) throw new Error('invariant broken: a dataset is validated when its file has come');
  const report = await inspect({ kind: 'dataset' }, [blobSource(world, file)], stop);
  if (report.kind !== 'dataset') throw new Error('invariant broken: a dataset was to be inspected');
  const findings = [...hashFindings([file], report.sha256), ...report.findings];
  const bad = findings.some(({ severity }) => severity === 'error');
  const after: DatasetRecord = {
    ...value,
    state: bad ? 'rejected' : 'ready',
    format: report.format ?? null,
    rows: report.lines,
    findings: findingsThatFit(findings),
  };
  const { team, id, name } = value;
  const purge = bad ? [purgeWrite(world, { team, kind: 'dataset', id, name, why: 'rejected' })] : [];
  const change = { action: bad ? 'dataset.reject' : 'dataset.ready', resource: `datasets/${name}` };
  try {
    await commit(world, caller, change, [datasetWrite(after, revision), ...purge, ...(options.with ?? [])]);
  } catch (error) {
    // another try was faster, or the dataset is gone: the next look tells
    if (!(error instanceof ConditionError)) throw error;
  }
}
