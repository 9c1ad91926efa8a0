import { expect, test } from 'vitest';
import { jobStates, type JobState } from '../contract/jobs.ts';
import { limits } from '../limits.ts';
import { changeJob, hasEnded, type JobChange, type JobStanding } from './job-states.ts';

const job: JobStanding = { kind: 'train', state: 'running', runId: 'run_1', attempt: 1, deaths: 0, stops: 0 };

const changes: Readonly<Record<JobChange['type'], JobChange>> = {
  claim: { type: 'claim', runId: 'run_1' },
  cancel: { type: 'cancel' },
  succeed: { type: 'succeed' },
  refuse: { type: 'refuse', reason: 'The loss is no number.' },
  stop: { type: 'stop', reason: 'The machine goes down.' },
  die: { type: 'die', reason: 'It was ended by SIGKILL.' },
  resume: { type: 'resume' },
};

const ended = { claim: 'job-ended', cancel: 'job-ended', succeed: 'job-ended', refuse: 'job-ended' } as const;
const rest = { stop: 'job-ended', die: 'job-ended' } as const;

/** Every state, every change: the state it leads to, or the code of the refusal. */
const table: Readonly<Record<JobState, Readonly<Record<JobChange['type'], string>>>> = {
  queued: {
    claim: 'running',
    cancel: 'cancelled',
    succeed: 'not-running',
    refuse: 'failed',
    stop: 'queued',
    die: 'queued',
    resume: 'not-resumable',
  },
  running: {
    claim: 'running',
    cancel: 'cancelling',
    succeed: 'succeeded',
    refuse: 'failed',
    stop: 'queued',
    die: 'queued',
    resume: 'not-resumable',
  },
  cancelling: {
    claim: 'cancelling',
    cancel: 'cancelling',
    succeed: 'succeeded',
    refuse: 'failed',
    stop: 'cancelled',
    die: 'cancelled',
    resume: 'not-resumable',
  },
  succeeded: { ...ended, ...rest, resume: 'not-resumable' },
  failed: { ...ended, ...rest, resume: 'queued' },
  cancelled: { ...ended, ...rest, resume: 'queued' },
};

const cases = jobStates.flatMap((state) =>
  Object.values(changes).map((change) => [state, change.type, table[state][change.type]] as const),
);

test.each(cases)('%s, %s: %s', (state, type, expected) => {
  const step = changeJob({ ...job, state }, changes[type]);
  expect('refused' in step ? step.refused : step.state).toBe(expected);
  expect(step.reason).not.toBe('');
  // a claim of what is being cancelled is refused, and says so with the state's own word
  if (state === 'cancelling' && type === 'claim') expect('refused' in step).toBe(true);
});

test('a run that was taken over claims nothing', () => {
  for (const state of jobStates.filter((each) => !hasEnded(each)))
    expect(changeJob({ ...job, state }, { type: 'claim', runId: 'run_0' })).toMatchObject({ refused: 'other-run' });
});

test('a container may die twice; the third death ends the job with the last reason', () => {
  const last = changeJob({ ...job, deaths: limits.jobDeathsMax - 1, attempt: 3 }, changes.die);
  expect(last).toMatchObject({ state: 'failed', deaths: 3, attempt: 3 });
  expect(last.reason).toBe('Its container died 3 times, the last time: It was ended by SIGKILL.');
  const before = changeJob({ ...job, deaths: limits.jobDeathsMax - 2, attempt: 2 }, changes.die);
  expect(before).toMatchObject({ state: 'queued', deaths: 2, attempt: 3 });
});

test('a job is stopped and goes on, but not for ever', () => {
  const last = changeJob({ ...job, stops: limits.jobStopsMax - 1 }, changes.stop);
  expect(last).toMatchObject({ state: 'queued', stops: limits.jobStopsMax, attempt: 2 });
  expect(changeJob({ ...job, stops: limits.jobStopsMax }, changes.stop)).toMatchObject({ state: 'failed' });
});

test('going on is a new attempt whose deaths are counted anew', () => {
  const step = changeJob({ ...job, state: 'failed', deaths: 3, stops: 2, attempt: 3 }, changes.resume);
  expect(step).toMatchObject({ state: 'queued', deaths: 0, stops: 0, attempt: 4 });
});

test('an import does not go on: its base is added again', () => {
  const step = changeJob({ ...job, kind: 'import-base', state: 'failed' }, changes.resume);
  expect(step).toMatchObject({ refused: 'not-resumable', reason: expect.stringMatching(/add it again/) as string });
});
