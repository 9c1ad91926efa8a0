import { expect, test } from 'vitest';
import { jobOfEvent } from './job-of-event.ts';

test('takes no notice of what is about no job of ours', () => {
  const foreign = { source: 'aws.batch', detail: { jobName: 'nightly', parameters: {} } };
  const upload = { source: 'lorary', detail: { type: 'upload-completed', team: 'blue', uploadId: 'upl_1' } };
  expect([foreign, upload, null, 'text', {}].map(jobOfEvent)).toEqual(Array(5).fill(undefined));
});

test('finds the job of a state change by the parameters that it was submitted with', () => {
  const parameters = { job: 'job_1', team: 'blue', run: 'run_1' };
  const event = { source: 'aws.batch', detail: { jobName: 'run_1', status: 'FAILED', parameters } };
  expect(jobOfEvent(event)).toEqual({ team: 'blue', jobId: 'job_1' });
});

test('finds the job of an event of the platform', () => {
  const detail = { type: 'run-changed', team: 'blue', jobId: 'job_1', runId: 'run_1' };
  expect(jobOfEvent({ source: 'lorary', 'detail-type': 'run-changed', detail })).toEqual({
    team: 'blue',
    jobId: 'job_1',
  });
});
