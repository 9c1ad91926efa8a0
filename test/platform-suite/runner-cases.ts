import { expect } from 'vitest';
import type { RunInfo } from '../../shared/platform/ports.ts';
import { eventually, type Case, type SuiteWorld } from './suite.ts';

/** Runs: once each, in order, as many at a time as there is room for, and never without an end. */
export const runnerCases: readonly Case[] = [
  {
    name: 'an unknown run is undefined, and cancelling it is no error',
    async run(world, runId) {
      const { runner } = world;
      expect(await runner.describe(runId)).toBeUndefined();
      await runner.cancel(runId);
      expect(await runner.describe(runId)).toBeUndefined();
    },
  },
  {
    name: 'a run that is submitted twice starts once',
    async run(world, runId) {
      const { runner, startsOf } = world;
      const run = { runId, jobId: 'exit-0', team: 'a' };
      await Promise.all([runner.submit(run), runner.submit(run)]);
      await runner.submit(run);
      expect(await endOf(world, runId)).toEqual({ ...run, state: 'ended', exitCode: 0 });
      await runner.submit(run);
      expect(await runner.describe(runId)).toMatchObject({ state: 'ended' });
      // a second start would still be on its way
      await eventually(
        world,
        () => runner.list(),
        (open) => !open.some((other) => other.runId.startsWith(runId)),
      );
      expect(await startsOf(runId)).toBe(1);
    },
  },
  {
    name: 'an exit code is known, and nothing is tried again',
    async run(world, unique) {
      const { runner, startsOf } = world;
      const codes = [2, 75];
      for (const code of codes) await runner.submit({ runId: `${unique}-${code}`, jobId: `exit-${code}`, team: 'a' });
      for (const code of codes) {
        expect(await endOf(world, `${unique}-${code}`)).toMatchObject({ state: 'ended', exitCode: code });
        expect(await startsOf(`${unique}-${code}`)).toBe(1);
      }
      expect((await runner.list()).filter(({ runId }) => runId.startsWith(unique))).toEqual([]);
    },
  },
  {
    name: 'a run that is killed is lost, with a reason and without an exit code',
    async run(world, runId) {
      const { runner } = world;
      await runner.submit({ runId, jobId: 'die', team: 'a' });
      const end = await endOf(world, runId);
      expect(end).toMatchObject({ state: 'lost', reason: expect.stringContaining('SIGKILL') as string });
      expect(end).not.toHaveProperty('exitCode');
    },
  },
  {
    name: 'what finds no room waits, starts when there is some, and never starts when it is cancelled',
    async run(world, unique) {
      const { runner, startsOf, slots } = world;
      const ids = Array.from({ length: slots + 2 }, (_, at) => `${unique}-${at}`);
      for (const runId of ids) await runner.submit({ runId, jobId: 'wait', team: 'a' });
      const mine = async (state: RunInfo['state']): Promise<string[]> =>
        (await runner.list())
          .filter((run) => run.runId.startsWith(unique) && run.state === state)
          .map(({ runId }) => runId);
      const running = await eventually(
        world,
        () => mine('running'),
        (found) => found.length === slots,
      );
      expect(running).toHaveLength(slots);
      const [cancelled = '', ...others] = await mine('waiting');
      expect(others).toHaveLength(1);
      await runner.cancel(cancelled);
      expect(await mine('waiting')).toEqual(others);
      await cancelReady(world, running[0] ?? '');
      for (const runId of [...others, ...running.slice(1)]) await cancelReady(world, runId);

      const never = await endOf(world, cancelled);
      expect(never).toMatchObject({ state: 'ended', reason: expect.stringContaining('cancelled') as string });
      expect(never).not.toHaveProperty('exitCode');
      expect(await startsOf(cancelled)).toBe(0);
      for (const runId of [...running, ...others]) {
        expect(await endOf(world, runId)).toMatchObject({ state: 'ended', exitCode: 75 });
        await runner.cancel(runId);
      }
      expect([...(await mine('waiting')), ...(await mine('running'))]).toEqual([]);
    },
  },
  {
    name: 'a run that does not heed SIGTERM is killed after the grace period',
    async run(world, runId) {
      const { runner } = world;
      await runner.submit({ runId, jobId: 'stubborn', team: 'a' });
      await cancelReady(world, runId);
      expect(await endOf(world, runId)).toMatchObject({ state: 'lost' });
    },
  },
];

/** The run when it is over. */
export async function endOf(world: Watched, runId: string): Promise<RunInfo | undefined> {
  return eventually(
    world,
    () => world.runner.describe(runId),
    (run) => run?.state === 'ended' || run?.state === 'lost',
  );
}

export async function reaches(world: Watched, runId: string, state: RunInfo['state']): Promise<void> {
  const seen = await eventually(
    world,
    () => world.runner.describe(runId),
    (run) => run?.state === state,
  );
  expect(seen).toMatchObject({ state });
}

/** Cancels when the command is there to hear of it. */
async function cancelReady(world: SuiteWorld, runId: string): Promise<void> {
  await reaches(world, runId, 'running');
  const starts = await eventually(
    world,
    () => world.startsOf(runId),
    (starts) => starts > 0,
  );
  expect(starts).toBe(1);
  await world.runner.cancel(runId);
}

type Watched = Pick<SuiteWorld, 'runner' | 'patienceSeconds'>;
