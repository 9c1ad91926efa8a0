import type { ApiClient, CallInput } from '../../shared/contract/api-client.ts';
import { createBase, getBase, type Base } from '../../shared/contract/bases.ts';
import { createJob, getJob, type Job } from '../../shared/contract/jobs.ts';
import { openLocalApi, type LocalApi } from './local-api.ts';
import { runHere } from './run-here.ts';
import { storeDataset } from './stored-things.ts';

/** An API whose jobs run in this process: what processes add is tested elsewhere. It has a dataset called `sums`. */
export interface JobsHere {
  readonly api: LocalApi;
  readonly client: ApiClient;
  /** Makes a base of files that are here, and imports it. */
  readonly importBase: (
    body: CallInput<typeof createBase>['body'],
    tools?: Parameters<typeof runHere>[2],
  ) => Promise<Base>;
  /** Runs a job to its end. */
  readonly run: (body: CallInput<typeof createJob>['body']) => Promise<Job>;
}

/** `models`: the folder that bases may be read from. */
export async function openJobsHere(models: string): Promise<JobsHere> {
  const api = await openLocalApi();
  Object.assign(api.deps, { baseFolders: [models] });
  const client = await api.client();
  const rows = Array.from({ length: 12 }, (_, i) => ({ prompt: `${i} + 1 =`, completion: ` ${i + 1}` }));
  await storeDataset(api.world, api.caller(), 'sums', rows);
  return {
    api,
    client,
    async importBase(body, tools = {}) {
      const { base, upload } = await client.call(createBase, { body });
      if (upload) throw new Error('an upload is sent first');
      await runHere(api, base.importJobId ?? '', tools);
      return client.call(getBase, { params: { base: base.name } });
    },
    async run(body) {
      const { job } = await client.call(createJob, { body });
      await runHere(api, job?.id ?? '');
      return client.call(getJob, { params: { job: job?.id ?? '' } });
    },
  };
}
