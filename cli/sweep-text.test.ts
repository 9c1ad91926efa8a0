import { expect, test } from 'vitest';
import type { SweepRunReport } from '../shared/contract/reports.ts';
import { sweepText } from './sweep-text.ts';

test('the ranking has a column for each setting, and tells of every run that was not trained', () => {
  const figures = {
    evalLossBefore: 3,
    trainLoss: 1.25,
    trainableParameters: 4096,
    steps: 9,
    seconds: 2,
    message: null,
  };
  const none = {
    evalLossBefore: null,
    evalLoss: null,
    trainLoss: null,
    trainableParameters: null,
    steps: null,
    seconds: null,
  };
  const runs: SweepRunReport[] = [
    {
      ...figures,
      name: 'run-02',
      rank: 1,
      state: 'trained',
      settings: { r: 8, target_modules: ['q_proj', 'v_proj'] },
      evalLoss: 1.5,
    },
    {
      ...none,
      name: 'run-01',
      rank: null,
      state: 'diverged',
      settings: { r: 4, learningRate: 9 },
      message: 'too fast',
    },
  ];
  expect(
    sweepText({ kind: 'sweep', output: 'out', best: 'run-02', runs, seconds: 65, warnings: [] }).split('\n'),
  ).toEqual([
    'rank      run     r  target_modules  learningRate  held-out  training  parameters',
    '1         run-02  8  q_proj,v_proj                 1.5000    1.2500    4,096',
    'diverged  run-01  4                  9',
    'run-01: too fast',
    '2 runs in 1 min 05 s; the best is out/run-02',
  ]);
});
