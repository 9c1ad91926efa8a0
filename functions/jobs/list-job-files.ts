import { listJobFiles as operation } from '../../shared/contract/jobs.ts';
import { limits } from '../../shared/limits.ts';
import { findDelivery } from '../../shared/records/job-delivery.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { presentFile } from '../../shared/records/stored-file.ts';
import { handler } from '../http/handler.ts';

export const listJobFiles = handler(operation, async ({ world }, { team }, { params }) => {
  const { value } = await getJobRecord(world.table, team, params.job);
  if (value.state !== 'succeeded' || value.kind !== 'export') return { files: [] };
  const delivery = await findDelivery(world.table, team, params.job);
  const files = (delivery?.files ?? []).map(async (file) => {
    const fileName = file.path.slice(file.path.lastIndexOf('/') + 1);
    const options = { fileName, expiresSeconds: limits.downloadLinkSeconds };
    const { url, headers, expiresAt } = await world.blobs.signDownload(file.blob, options);
    return { ...presentFile(file), url, headers: { ...headers }, expiresAt: new Date(expiresAt).toISOString() };
  });
  return { files: await Promise.all(files) };
});
