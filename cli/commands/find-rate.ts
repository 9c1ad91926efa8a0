import type { Flag, SpecCommand } from '../command.ts';
import { train } from './train.ts';

/** Of the flags of a training run those that its steps follow from. */
const ofSteps = [
  'base',
  'data',
  'mix',
  'preset',
  'r',
  'lora-alpha',
  'lora-dropout',
  'target-modules',
  'modules-to-save',
  'use-rslora',
  'init',
  'dora',
  'from',
  'full',
  'batch-rows',
  'batch-tokens',
  'micro-batch-tokens',
  'context',
  'long-rows',
  'lora-plus',
  'weight-decay',
  'clip-norm',
  'lean',
  'memory-max',
  'seed',
  'threads',
] as const;

/** `lorary find-rate`: which learning rate a training run should be tried with. */
export const findRate: SpecCommand = {
  name: 'find-rate',
  summary: 'Look for the learning rate of a training run: a hundred steps at ever higher rates.',
  usage: '--base FOLDER --data FILE --output FILE [flags]',
  mainFlag: 'data',
  fixed: { kind: 'find-rate', train: { method: { kind: 'lora' } } },
  notes: [
    'Takes about twice the time of as many steps of training, on folders here. Nothing is changed: the weights are thrown away, the curve is written.',
    'A spec file (lorary run) can set all that a training run can.',
  ],
  examples: ['lorary find-rate --base models/SmolLM2-135M --data rows.jsonl --output rates.json'],
  flags: {
    output: { path: 'output', kind: 'path', value: 'FILE', short: 'o', help: 'JSON file of the curve; must not exist' },
    'ramp-steps': { path: 'steps', kind: 'number', value: 'N', help: 'steps of the ramp [100]' },
    lowest: { path: 'from', kind: 'number', value: 'RATE', help: 'rate of the first step [1e-6]' },
    highest: {
      path: 'to',
      kind: 'number',
      value: 'RATE',
      help: 'rate of the last step, if nothing diverges before [1]',
    },
    ...Object.fromEntries(ofSteps.flatMap((name) => flagOf(name))),
  },
};

/** The flag of a training run, in the run that the ramp takes the steps of. */
function flagOf(name: string): [string, Flag][] {
  const flag = train.flags[name];
  if (!flag) return [];
  const { implies = {} } = flag;
  const implied = Object.entries(implies).map(([path, value]) => [`train.${path}`, value]);
  return [[name, { ...flag, path: `train.${flag.path}`, implies: Object.fromEntries(implied) as typeof implies }]];
}
