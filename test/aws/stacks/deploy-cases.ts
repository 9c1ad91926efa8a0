import { expect } from 'vitest';
import { connectTo } from '../../../cli/server/connect.ts';
import { createTeam, nameEmulator, runStage } from './running-stage.ts';
import type { Site, StackCase } from './site.ts';
import { deployWithoutBatch, typesOfBatch } from './without-batch.ts';

/** From a bare account to the first key. */
export const deployCases: readonly StackCase[] = [
  {
    name: 'stacks: an account is bootstrapped, and the command that deploys a stage makes what is kept and what answers',
    async run(site) {
      const { commands } = site.account;
      const bootstrapped = await commands.bootstrap();
      expect(bootstrapped.code, bootstrapped.err + bootstrapped.out).toBe(0);
      const deployed = await commands.deploy(['data', 'app']);
      expect(deployed.code, deployed.err + deployed.out).toBe(0);
      await moveTo(site, deployed.err + deployed.out);
    },
  },
  {
    name: 'stacks: the queues, machines and definitions of jobs are deployed',
    words: new RegExp(`Unrecognized resource types: \\[${typesOfBatch.join(', ')}\\]\\n`),
    async run({ account }) {
      const told = await account.commands.cdk('deploy', 'jobs', '--exclusively', '--require-approval', 'never');
      if (told.code !== 0) throw new Error(told.err + told.out);
    },
  },
  {
    name: 'stacks: all else of the jobs is deployed, and what Batch would be told is known',
    async run(site) {
      const batch = await deployWithoutBatch(site.account.commands);
      expect(batch.queues.toSorted()).toEqual(['cpu', 'gpu-16', 'gpu-24'].map((name) => `lorary-suite-${name}`));
      expect(Object.keys(batch.definitions).toSorted()).toEqual(batch.queues.toSorted());
      site.running = await runStage(site.account, batch);
    },
  },
  {
    name: 'stacks: nothing differs from the templates',
    async run({ account }) {
      for (const purpose of ['data', 'app'] as const) {
        const told = await account.commands.cdk('drift', purpose, '--fail');
        expect(told.code, told.err + told.out).toBe(0);
        expect(told.err + told.out).toContain('No drift detected');
      }
    },
  },
  {
    name: 'admin: a team is made with its first key, once, and what is no order is refused',
    async run(site) {
      const { account, running, apiUrl } = site;
      const { ok, key } = await createTeam(account, 'blue');
      expect({ ok, key }).toMatchObject({ ok: true, key: expect.stringMatching(/^lry_/) });
      expect(await createTeam(account, 'blue')).toMatchObject({ ok: false, code: 'team-exists' });
      expect(await createTeam(account, '#')).toMatchObject({ ok: false, code: 'bad-order' });
      site.key = key;
      site.api = connectTo({ url: apiUrl, key });
      site.anna = await running.cli('anna');
      site.bert = await running.cli('bert');
      const other = await createTeam(account, 'red');
      for (const [cli, secret, team] of [
        [site.anna, key, 'blue'],
        [site.bert, other.key, 'red'],
      ] as const) {
        const login = await cli.run(['login', '--url', apiUrl, '--key', secret]);
        expect(login, login.err).toMatchObject({ code: 0, out: expect.stringContaining(`Team ${team}`) });
      }
    },
  },
];

/** Takes over the addresses that a deployment of the stack `app` has told. */
export async function moveTo(site: Site, told: string): Promise<void> {
  const output = (name: string): string => {
    const found = new RegExp(`lorary-suite-app\\.${name} = (\\S+)`).exec(told)?.[1];
    if (found === undefined) throw new Error(`there is no output ${name} in ${told}`);
    return found;
  };
  site.apiUrl = output('ApiUrl');
  site.frontDoorUrl = output('Url');
  site.consoleBucket = output('ConsoleBucket');
  for (const url of [site.apiUrl, site.frontDoorUrl]) await nameEmulator(url);
}
