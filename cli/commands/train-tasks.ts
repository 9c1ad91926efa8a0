import type { SpecCommand } from '../command.ts';
import { base, context, longRows, seed, serverFlags, threads } from '../common-flags.ts';
import { baseOfTraining } from '../named/subjects.ts';
import { trainTasksOnServer } from '../named/train-tasks-on-server.ts';
import { splitTasks } from '../split-tasks.ts';

/** `lorary train-tasks`: several adapters at once on one base. */
export const trainTasks: SpecCommand = {
  name: 'train-tasks',
  summary: 'Train several adapters at once on one base, each on rows of its own.',
  usage: 'NAME=FILE NAME=FILE ... --base BASE [--output FOLDER] [flags]',
  fixed: { kind: 'train-tasks', train: { method: { kind: 'lora' } } },
  named: { subjects: baseOfTraining, run: trainTasksOnServer },
  words(words, spec, place) {
    const each = spec['each'] as object | undefined; // by the flags below
    delete spec['each'];
    spec['tasks'] = splitTasks(words).map(({ name, rows }) => ({ name, data: { train: place(rows), ...each } }));
  },
  notes: [
    'With the name of a base the server trains: rows are sent unless they are there, what is left open is chosen for each task and told,',
    'and each result is a version of the adapter NAME. With a folder the run is here, and the adapters stand in --output.',
    'It pays with steps of few tokens; a spec file (lorary run) sets what each task has of its own.',
  ],
  examples: [
    'lorary train-tasks titles=titles.jsonl tags=tags.jsonl --base tiny',
    'lorary train-tasks titles=titles.jsonl tags=tags.jsonl --base models/tiny --eval-fraction 0.1 --output adapters',
  ],
  flags: {
    base: { ...base, path: 'train.base' },
    output: {
      path: 'output',
      kind: 'path',
      value: 'FOLDER',
      short: 'o',
      only: 'folders',
      help: 'folder in which each adapter has one of its name',
    },
    'eval-fraction': {
      path: 'each.evalFraction',
      kind: 'number',
      value: 'SHARE',
      help: 'hold out this share of the rows of each task',
    },
    'eval-every': {
      path: 'train.evaluation.everySteps',
      kind: 'number',
      value: 'STEPS',
      help: 'evaluate so often [a tenth of the run]',
    },
    r: { path: 'train.method.config.r', kind: 'number', value: 'RANK', help: 'rank of the adapters [8]' },
    'lora-alpha': {
      path: 'train.method.config.lora_alpha',
      kind: 'number',
      value: 'ALPHA',
      help: 'the update is scaled by alpha / r [8]',
    },
    'target-modules': {
      path: 'train.method.config.target_modules',
      kind: 'names',
      value: 'NAMES',
      help: 'q_proj,v_proj or a pattern [all-linear]',
    },
    epochs: { path: 'train.epochs', kind: 'number', value: 'N', help: 'passes over the rows of each task [3]' },
    steps: { path: 'train.steps', kind: 'number', value: 'N', help: 'optimizer steps of each task, instead of epochs' },
    'batch-rows': { path: 'train.batch.rows', kind: 'number', value: 'N', help: 'rows of one step of a task [16]' },
    'micro-batch-tokens': {
      path: 'train.batch.microBatchTokens',
      kind: 'number',
      value: 'N',
      help: 'tokens at once: less needs less memory [1024]',
    },
    'learning-rate': { path: 'train.optimizer.learningRate', kind: 'number', value: 'RATE', help: '[2e-4]' },
    schedule: { path: 'train.schedule.kind', kind: 'text', value: 'KIND', help: 'constant, linear or cosine [cosine]' },
    lean: {
      path: 'train.memory',
      kind: 'switch',
      set: 'lean',
      help: 'a third of the memory for a third more time [what fits]',
    },
    context: { ...context, path: 'each.contextTokens' },
    'long-rows': { ...longRows, path: 'each.longRows' },
    'checkpoint-seconds': {
      path: 'train.checkpoint.everySeconds',
      kind: 'number',
      value: 'S',
      help: 'time between checkpoints [300]',
    },
    'output-dtype': { path: 'train.outputDtype', kind: 'text', value: 'TYPE', help: 'f32, bf16 or f16' },
    seed: { ...seed, path: 'train.seed' },
    threads: { ...threads, path: 'train.threads' },
    ...serverFlags,
  },
};
