import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createComposition } from '../../shared/contract/compositions.ts';
import { createJob } from '../../shared/contract/jobs.ts';
import { DomainError } from '../../shared/errors.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion } from '../../test/support/send-upload.ts';
import { runContainer } from './run-container.ts';

let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  await pushVersion(api, client, 'french');
  await api.settle();
  await client.call(createComposition, { body: { name: 'half', type: 'cat', members: [{ adapter: 'french' }] } });
});
afterAll(() => api.close());

/** A container whose work ends in a refusal, after what happens meanwhile. */
async function refusedWhile(output: string, meanwhile: (job: JobRecord) => Promise<unknown>) {
  const body = { kind: 'compose', composition: 'half', output: { adapter: output } } as const;
  const jobId = (await client.call(createJob, { body })).job?.id ?? '';
  const job = (await getJobRecord(api.world.table, 'blue', jobId)).value;
  const runJob = async (): Promise<never> => {
    await meanwhile(job);
    throw new DomainError('file', 'A file is not there.');
  };
  const tools = { work: join(api.folder, output), stop: new AbortController().signal, runJob };
  const ended = await runContainer(api.world, { team: 'blue', jobId, runId: job.runId }, tools).catch(
    (error: unknown) => error,
  );
  return { ended, job: (await getJobRecord(api.world.table, 'blue', jobId)).value };
}

test('a container that is refused fails its job and says so', async () => {
  const { ended, job } = await refusedWhile('refused', async () => undefined);
  expect(ended).toMatchObject({ code: 'file' });
  expect(job).toMatchObject({ state: 'failed', reason: 'A file is not there.' });
});

test('what goes wrong in a container that has lost its job meanwhile is no word on the job', async () => {
  const { ended, job } = await refusedWhile('lost', ({ id }) =>
    changeJobRecord(api.world, api.caller(), id, { type: 'die', reason: 'It was silent.' }),
  );
  expect(ended).toBeUndefined();
  expect(job).toMatchObject({ state: 'queued', attempt: 2 });
});
