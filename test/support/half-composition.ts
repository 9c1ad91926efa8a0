import { createComposition } from '../../shared/contract/compositions.ts';
import { createJob } from '../../shared/contract/jobs.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { openLocalApi, type LocalApi } from './local-api.ts';
import { putReadyBase } from './ready-base.ts';
import { pushVersion } from './send-upload.ts';

export interface HalfComposition {
  readonly api: LocalApi;
  /** A job that composes it into a version of `adapter`; no container has begun it. */
  compose(adapter: string): Promise<JobRecord>;
}

/** The API with a base, a version of `french` and the composition `half` of it: the smallest job there is, a moment away. */
export async function openHalfComposition(): Promise<HalfComposition> {
  const api = await openLocalApi();
  const client = await api.client();
  await putReadyBase(api.world, 'blue');
  await pushVersion(api, client, 'french');
  await api.settle();
  await client.call(createComposition, { body: { name: 'half', type: 'cat', members: [{ adapter: 'french' }] } });
  return {
    api,
    async compose(adapter) {
      const body = { kind: 'compose', composition: 'half', output: { adapter } } as const;
      const { job } = await client.call(createJob, { body });
      return (await getJobRecord(api.world.table, 'blue', job?.id ?? '')).value;
    },
  };
}
