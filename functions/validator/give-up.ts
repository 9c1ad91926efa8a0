import { UnavailableError, type Finding } from '../../shared/errors.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import { datasetWrite, findDataset } from '../../shared/records/datasets.ts';
import { rejectVersion } from '../../shared/records/publish-version.ts';
import { getUploadRecord, uploadWrite } from '../../shared/records/uploads.ts';
import type { ValidatorDeps } from './validator-deps.ts';

/** Rejects what an upload brought when it cannot be validated through no fault of its own; not when the world is just unavailable. */
export async function giveUp({ world }: ValidatorDeps, team: string, uploadId: string, cause: unknown): Promise<void> {
  if (cause instanceof UnavailableError) return;
  const { value, revision } = await getUploadRecord(world.table, team, uploadId);
  if (value.settled || value.state !== 'completed') return;
  const caller = { team, keyId: value.createdBy, scopes: [], requestId: newId(world, 'val') };
  const message = 'The check itself failed, which is a bug in lorary; the log of the server has more. Try again later.';
  const findings: Finding[] = [{ severity: 'error', code: 'validator-failed', message }];
  const settled = uploadWrite({ ...value, settled: true }, revision);
  const { target } = value;
  if (target.kind === 'adapter')
    return void (await rejectVersion(world, caller, target.versionId, findings, { with: [settled] }));
  const dataset = target.kind === 'dataset' ? await findDataset(world.table, team, target.dataset) : undefined;
  if (dataset?.value.state !== 'validating') return;
  const rejected = datasetWrite({ ...dataset.value, state: 'rejected', findings }, dataset.revision);
  await commit(world, caller, { action: 'dataset.reject', resource: `datasets/${dataset.value.name}` }, [
    rejected,
    settled,
  ]);
}
