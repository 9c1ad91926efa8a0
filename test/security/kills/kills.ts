import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '../../../shared/contract/jobs.ts';
import { demand } from '../../support/checks-report.ts';
import { storeTrainingInputs } from '../../support/interrupted-training.ts';
import { uniform } from '../../support/random-base.ts';
import type { Section } from '../section.ts';
import { faultsOfRun, openKilledPlatform, trainKilled, unsettledSeconds, weights } from './killed-training.ts';

export interface KillsOptions {
  readonly kills: number;
  /** Of the run that meets its wall. */
  readonly allowanceSeconds: number;
  /** Beyond the allowance, beside a checkpoint interval: none where nothing else computes. */
  readonly slackSeconds: number;
}

/**
 * Training runs whose containers are killed (SIGKILL) at random moments. One comes to its end: with the bits of a run that was left alone,
 * published once. One meets its wall: it publishes what it had learnt, and took no more than it was allowed and a checkpoint interval.
 */
export function killsSection({ kills, allowanceSeconds, slackSeconds }: KillsOptions): Section {
  return async (report, seed) => {
    const folder = await mkdtemp(join(tmpdir(), 'lorary-kills-'));
    const platform = await openKilledPlatform();
    try {
      const client = await platform.client();
      await storeTrainingInputs(platform.world, platform.caller(), join(folder, 'tiny'));
      const random = uniform(seed);
      const jobs: Job[] = [];
      const run = async (adapter: string, given: object): Promise<{ job: Job; killed: number }> => {
        // long enough that a quick machine is not done before it was killed as often as wanted
        const whole = {
          adapter,
          steps: Math.max(2000, 250 * kills),
          maxSeconds: 600,
          kills: 0,
          killMilliseconds: 200,
          random,
          ...given,
        };
        const done = await trainKilled(platform, client, whole);
        jobs.push(done.job);
        return done;
      };
      const faults = async (job: Job): Promise<void> => {
        const interval = 0.1 + slackSeconds;
        const found = await faultsOfRun(platform, client, job, interval);
        demand(found.length === 0, found.join('; '));
      };
      await report.check('killed at random moments, a run ends with the bits of one that was left alone', async () => {
        const steady = await run('steady', {});
        const { job, killed } = await run('killed', { kills });
        demand(killed >= kills, `only ${killed} kills: ${job.state} after ${job.attempt} attempts, ${job.reason}`);
        demand((await weights(platform, job)).equals(await weights(platform, steady.job)), 'the weights differ');
        demand(job.stoppedBy === null, 'it was stopped by its allowance');
        await faults(job);
        return { figures: `${killed} kills, ${job.attempt} attempts, one version, the same bits`, value: undefined };
      });
      const tight = { steps: 200_000, maxSeconds: allowanceSeconds, kills, killMilliseconds: 1000 };
      await report.check(
        'killed on its way to its wall, it publishes what it had learnt and takes no more',
        async () => {
          const { job, killed } = await run('walled', tight);
          demand(job.stoppedBy === 'budget', `it was not its allowance that ended it: ${job.reason}`);
          await faults(job);
          demand(killed > 0, 'nothing killed it');
          const { machineSeconds, chargedSeconds } = job.usage;
          const figures = `${killed} kills; ${machineSeconds.toFixed(2)} s metered and ${chargedSeconds.toFixed(2)} s charged of ${allowanceSeconds} s`;
          return { figures, value: undefined };
        },
      );
      await report.check('what was charged is what the team has used', async () => {
        const unsettled = await unsettledSeconds(platform, jobs);
        demand(unsettled === 0, `${unsettled} s are between them`);
        return { figures: `${jobs.length} jobs, to the millisecond`, value: undefined };
      });
      await report.check('a container that does not know what it may take is found', async () => {
        platform.env['LORARY_FORGETFUL'] = String(allowanceSeconds + slackSeconds + 3);
        const { job } = await run('forgetful', { ...tight, kills: 0 });
        delete platform.env['LORARY_FORGETFUL'];
        const found = await faultsOfRun(platform, client, job, 0.1 + slackSeconds);
        demand(
          found.some((fault) => fault.includes('were metered')),
          'it was not found',
        );
        return { figures: found.join('; '), value: undefined };
      });
    } finally {
      await platform.close();
      await rm(folder, { recursive: true });
    }
  };
}
