import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { confirmLoss, planDeployment } from '../../infra/deploy.ts';

const stepsOf = (...args: string[]): string[] =>
  planDeployment(args).steps.map(
    ({ stage, args: [what, stack], letsDataGo, emptiesConsole }) =>
      `${stage}: ${what} ${stack}${letsDataGo ? ' with its data' : ''}${emptiesConsole ? ' without its files' : ''}`,
  );

test('refuses stages and stacks that there are not, before anything is done', () => {
  expect(() => planDeployment(['dev', 'nowhere'])).toThrow('infra/stages/nowhere.json');
  expect(() => planDeployment(['dev', '--only', 'data,ap'])).toThrow('no stack "ap"');
});

test('goes through a stage from what is kept to what answers', () => {
  const all = ['dev: deploy lorary-dev-data', 'dev: deploy lorary-dev-jobs', 'dev: deploy lorary-dev-app'];
  expect(stepsOf('dev')).toEqual(all);
  expect(stepsOf()).toEqual(all);
});

test('leaves stacks out, as an emulator without Batch wants it', () => {
  expect(stepsOf('dev', '--only', 'data,app')).toEqual(['dev: deploy lorary-dev-data', 'dev: deploy lorary-dev-app']);
});

test('takes a stage down from what answers on, and leaves what is kept alone', () => {
  expect(stepsOf('dev', '--destroy')).toEqual([
    'dev: destroy lorary-dev-app without its files',
    'dev: destroy lorary-dev-jobs',
  ]);
  expect(stepsOf('dev', '--destroy', '--only', 'data,app')).toEqual(['dev: destroy lorary-dev-app without its files']);
  expect(planDeployment(['dev', '--destroy']).losesData).toBeUndefined();
});

test('data goes last, of one stage that is named, and only when its name was given', () => {
  expect(stepsOf('dev', '--destroy', '--data')).toEqual([
    'dev: destroy lorary-dev-app without its files',
    'dev: destroy lorary-dev-jobs',
    'dev: deploy lorary-dev-data with its data',
    'dev: destroy lorary-dev-data with its data',
  ]);
  expect(planDeployment(['dev', '--destroy', '--data']).losesData).toEqual({ stage: 'dev', confirmed: undefined });
  for (const args of [['--destroy'], ['dev', '--data'], ['dev', '--destroy', '--confirm', 'dev']])
    expect(() => planDeployment(args), args.join(' ')).toThrow(/Name the stage|go with --destroy|goes with --data/);
  expect(() => planDeployment(['dev', 'dev', '--destroy', '--data'])).toThrow('one at a time'.slice(4));
  for (const typed of ['', 'y', 'yes', 'prod', 'Dev'])
    expect(() => confirmLoss('dev', typed)).toThrow('nothing was done');
  expect(() => confirmLoss('dev', ' dev\n')).not.toThrow();
});

test('without a terminal nothing is deleted that was not named', () => {
  for (const more of [[], ['--confirm', 'prod']]) {
    const args = ['node_modules/tsx/dist/cli.mjs', 'infra/deploy.ts', 'dev', '--destroy', '--data', ...more];
    const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', input: 'dev\n' });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/no terminal to ask at: give --confirm dev|"prod" is not "dev": nothing was done/);
  }
}, 60_000);
