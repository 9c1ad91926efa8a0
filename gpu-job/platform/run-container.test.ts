import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DomainError } from '../../shared/errors.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { openHalfComposition, type HalfComposition } from '../../test/support/half-composition.ts';
import { runContainer } from './run-container.ts';

let half: HalfComposition;
beforeAll(async () => void (half = await openHalfComposition()));
afterAll(() => half.api.close());

/** A container whose work ends in a refusal, after what happens meanwhile. */
async function refusedWhile(output: string, meanwhile: (job: JobRecord) => Promise<unknown>) {
  const { api } = half;
  const job = await half.compose(output);
  const { id: jobId, runId } = job;
  const runJob = async (): Promise<never> => {
    await meanwhile(job);
    throw new DomainError('file', 'A file is not there.');
  };
  const tools = { work: join(api.folder, output), stop: new AbortController().signal, runJob };
  const ended = await runContainer(api.world, { team: 'blue', jobId, runId }, tools).catch((error: unknown) => error);
  return { ended, job: (await getJobRecord(api.world.table, 'blue', jobId)).value };
}

test('a container that is refused fails its job and says so', async () => {
  const { ended, job } = await refusedWhile('refused', async () => undefined);
  expect(ended).toMatchObject({ code: 'file' });
  expect(job).toMatchObject({ state: 'failed', reason: 'A file is not there.' });
});

test('what goes wrong in a container that has lost its job meanwhile is no word on the job', async () => {
  const { ended, job } = await refusedWhile('lost', ({ id }) =>
    changeJobRecord(half.api.world, half.api.caller(), id, { type: 'die', reason: 'It was silent.' }),
  );
  expect(ended).toBeUndefined();
  expect(job).toMatchObject({ state: 'queued', attempt: 2 });
});
