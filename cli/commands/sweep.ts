import type { SpecCommand } from '../command.ts';
import { base, context, data, longRows, seed, serverFlags, threads } from '../common-flags.ts';
import { baseOfTraining } from '../named/subjects.ts';
import { sweepOnServer } from '../named/sweep-on-server.ts';

/** `lorary sweep`: the same training with other settings, ranked. */
export const sweep: SpecCommand = {
  name: 'sweep',
  summary: 'Train with several settings, and rank them by held-out loss.',
  usage: '--base BASE --data FILE --r N --r N [--output FOLDER or NAME] [flags]',
  mainFlag: 'data',
  fixed: { kind: 'sweep', train: { method: { kind: 'lora' } } },
  named: { subjects: baseOfTraining, run: sweepOnServer },
  notes: [
    'Each of --r, --lora-alpha, --learning-rate and --target-modules may be given several times: every combination is a run.',
    'With the name of a base each run is a job of the server, as many at once as it has room for, and the best becomes a version of the adapter --output. With a',
    'folder they are trained here, one after another, and stand in --output. Started again the same goes on; a spec file (lorary run) can also list the runs, and set all that a training run can.',
  ],
  examples: [
    'lorary sweep --base tiny --data rows.jsonl --r 4 --r 16 --learning-rate 1e-3 --learning-rate 3e-3',
    'lorary sweep --base models/tiny --data rows.jsonl --eval-fraction 0.1 --output sweeps/mine --r 4 --r 16 --learning-rate 1e-4 --learning-rate 3e-4',
  ],
  flags: {
    base: { ...base, path: 'train.base' },
    data: { ...data, path: 'train.data.train' },
    output: {
      path: 'output',
      kind: 'path',
      value: 'PLACE',
      short: 'o',
      help: 'folder of the runs and their ranking, or the name of the adapter',
    },
    eval: { path: 'train.data.eval', kind: 'path', value: 'FILE', help: 'held-out rows' },
    'eval-fraction': {
      path: 'train.data.evalFraction',
      kind: 'number',
      value: 'SHARE',
      help: 'hold out this share of the rows',
    },
    r: { path: 'over.r', kind: 'number', value: 'RANK', multiple: true, help: 'a rank of the adapter' },
    'lora-alpha': {
      path: 'over.lora_alpha',
      kind: 'number',
      value: 'ALPHA',
      multiple: true,
      help: 'an alpha: the update is scaled by alpha / r',
    },
    'learning-rate': {
      path: 'over.learningRate',
      kind: 'number',
      value: 'RATE',
      multiple: true,
      help: 'a learning rate',
    },
    'target-modules': {
      path: 'over.target_modules',
      kind: 'names',
      value: 'NAMES',
      multiple: true,
      help: 'modules to adapt: q_proj,v_proj, a pattern or all-linear',
    },
    preset: {
      path: 'train.preset',
      kind: 'text',
      value: 'NAME',
      help: 'what all runs share and is not given comes from this preset: lorary presets lists them',
    },
    epochs: { path: 'train.epochs', kind: 'number', value: 'N', help: 'passes over the rows, of each run [3]' },
    steps: { path: 'train.steps', kind: 'number', value: 'N', help: 'optimizer steps, instead of epochs' },
    'batch-rows': { path: 'train.batch.rows', kind: 'number', value: 'N', help: 'rows of one step [16]' },
    context: { ...context, path: 'train.data.contextTokens' },
    'long-rows': { ...longRows, path: 'train.data.longRows' },
    seed: { ...seed, path: 'train.seed' },
    threads: { ...threads, path: 'train.threads' },
    publish: {
      path: 'publish',
      kind: 'text',
      value: 'WHICH',
      only: 'names',
      help: 'on the server: what becomes a version, best or each [best]',
    },
    ...serverFlags,
  },
};
