import { expect, test } from 'vitest';
import { deploySteps } from '../../infra/deploy.ts';

const named = (args: readonly string[]) => deploySteps(args).map(({ stage, args: [, stack] }) => `${stage}: ${stack}`);

test('refuses stages and stacks that there are not, before anything is done', () => {
  expect(() => deploySteps(['dev', 'nowhere'])).toThrow('infra/stages/nowhere.json');
  expect(() => deploySteps(['dev', '--only', 'data,ap'])).toThrow('no stack "ap"');
});

test('goes through a stage from what is kept to what answers', () => {
  const all = ['dev: lorary-dev-data', 'dev: lorary-dev-jobs', 'dev: lorary-dev-app'];
  expect(named(['dev'])).toEqual(all);
  expect(named([])).toEqual(all);
});

test('leaves stacks out, as an emulator without Batch wants it', () => {
  expect(named(['dev', '--only', 'data,app'])).toEqual(['dev: lorary-dev-data', 'dev: lorary-dev-app']);
});
