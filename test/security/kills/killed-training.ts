import { fileURLToPath } from 'node:url';
import { getJob, resumeJob, type Job } from '../../../shared/contract/jobs.ts';
import type { ApiClient } from '../../../shared/contract/api-client.ts';
import { listVersions } from '../../../shared/contract/versions.ts';
import { findAccount } from '../../../shared/records/budgets.ts';
import { submitTraining, weightsOf } from '../../support/interrupted-training.ts';
import { openJobPlatform, type JobPlatform } from '../../support/job-platform.ts';

/** Opens a platform whose containers kill themselves where they are told to. */
export function openKilledPlatform(): Promise<JobPlatform> {
  return openJobPlatform({ container: fileURLToPath(new URL('../../support/dying-container.ts', import.meta.url)) });
}

export interface KilledRun {
  readonly adapter: string;
  readonly steps: number;
  /** The allowance. */
  readonly maxSeconds: number;
  readonly kills: number;
  /** A kill comes so long after some event, at most. */
  readonly killMilliseconds: number;
  readonly random: () => number;
}

/** Trains while each container is killed at a random moment, until there were enough kills; then lets it come to its end. */
export async function trainKilled(
  platform: JobPlatform,
  client: ApiClient,
  { adapter, steps, maxSeconds, kills, killMilliseconds, random }: KilledRun,
): Promise<{ readonly job: Job; readonly killed: number }> {
  let killed = 0;
  const plan = (): void => {
    // where all steps are behind it can die once only; what comes after is in `store-kills`
    const stages = killed < kills - 1 ? ['claimed', 'prepared'] : ['stored'];
    const stage = stages[Math.floor(random() * 6)];
    const events = 1 + Math.floor(random() * 30);
    const milliseconds = Math.floor(random() * killMilliseconds);
    if (killed >= kills) delete platform.env['LORARY_DEATH'];
    // now and then where one part of the way is behind, else anywhere in the steps
    else platform.env['LORARY_DEATH'] = JSON.stringify(stage ? { stage } : { events, milliseconds });
  };
  plan();
  const often = { evaluateEvery: 500, saveEverySeconds: 0.1, budget: { maxSeconds } };
  const params = { job: await submitTraining(client, adapter, steps, often) };
  for (let attempt = 1; ;) {
    const seen = await platform.waitFor(client, params.job, (job) => job.attempt > attempt || job.endedAt !== null);
    if (seen.state === 'succeeded' || (seen.state === 'failed' && !seen.reason.includes('died 3 times')))
      return { job: await client.call(getJob, { params }), killed };
    killed += 1;
    plan();
    attempt = seen.attempt;
    if (seen.state === 'failed') attempt = (await client.call(resumeJob, { params })).attempt;
  }
}

/** What is wrong with how a run was published, metered and charged. `account`: of all jobs of the team. */
export async function faultsOfRun(
  platform: JobPlatform,
  client: ApiClient,
  { id, output, usage, allowance }: Job,
  intervalSeconds: number,
): Promise<string[]> {
  const found: string[] = [];
  const { items } = await client.call(listVersions, { params: { adapter: output.adapter ?? '' } });
  const own = items.filter(({ lineage }) => lineage.jobId === id);
  if (own.length !== 1 || own[0]?.version !== 1) found.push(`${own.length} versions were published`);
  if (!own[0]?.checks || own[0].findings.some(({ severity }) => severity === 'error'))
    found.push('it cannot be loaded');
  const max = allowance?.maxSeconds ?? 0;
  if (usage.machineSeconds > max + intervalSeconds)
    found.push(`${usage.machineSeconds} s were metered; it was allowed ${max} s`);
  if (usage.chargedSeconds !== Math.min(max, usage.chargedSeconds)) found.push('more was charged than allowed');
  const { value } = await findAccount(platform.world, platform.caller().team, 'team');
  if (value.reserved.jobs !== 0 || value.reserved.milliseconds !== 0) found.push('something is still reserved');
  return found;
}

export const weights = (platform: JobPlatform, job: Job): Promise<Buffer> =>
  weightsOf(platform.world, platform.caller().team, job);

/** What all jobs were charged, against what their team has used: nothing may be between. */
export async function unsettledSeconds(platform: JobPlatform, jobs: readonly Job[]): Promise<number> {
  const { value } = await findAccount(platform.world, platform.caller().team, 'team');
  const charged = jobs.reduce((sum, { usage }) => sum + Math.round(usage.chargedSeconds * 1000), 0);
  return (value.used.milliseconds - charged) / 1000;
}
