import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseSpec } from '../shared/contract/specs/parse-spec.ts';
import { DomainError } from '../shared/errors.ts';
import { buildSpec, flagAt } from './build-spec.ts';
import type { SpecCommand } from './command.ts';
import { compose } from './commands/compose.ts';
import { dataCheck } from './commands/data-check.ts';
import { estimate } from './commands/estimate.ts';
import { evaluate } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { findRate } from './commands/find-rate.ts';
import { generate } from './commands/generate.ts';
import { merge } from './commands/merge.ts';
import { train } from './commands/train.ts';

const here = (name: string): string => join(process.cwd(), name);
const specOf = (command: SpecCommand, args: string): unknown => buildSpec(command, args.split(' ')).spec;

function refusals(command: SpecCommand, args: readonly string[]): string[] {
  try {
    buildSpec(command, args);
  } catch (error) {
    if (error instanceof DomainError) return error.findings.map(({ where, message }) => `${where}: ${message}`);
    throw error;
  }
  return [];
}

test('flags of train build the spec that a file would hold', () => {
  const args =
    '--base ./b --data=d.jsonl -o out --r 4 --target-modules q_proj,v_proj --learning-rate 5e-3 --no-packing --use-rslora --sample-chat hi';
  expect(specOf(train, args)).toEqual({
    kind: 'train',
    base: here('b'),
    data: { train: here('d.jsonl') },
    output: here('out'),
    method: { kind: 'lora', config: { r: 4, target_modules: ['q_proj', 'v_proj'], use_rslora: true } },
    optimizer: { learningRate: 0.005 },
    batch: { packing: false },
    samples: { prompts: [{ messages: [{ role: 'user', content: 'hi' }] }] },
  });
  expect(specOf(train, '--full --from-scratch')).toMatchObject({ method: { kind: 'full', initial: 'random' } });
  const targets = (value: string): unknown => specOf(train, `--target-modules ${value}`);
  expect(targets('all-linear')).toMatchObject({ method: { config: { target_modules: 'all-linear' } } });
  expect(targets('q_proj')).toMatchObject({ method: { config: { target_modules: ['q_proj'] } } });
  expect(targets('.*_proj')).toMatchObject({ method: { config: { target_modules: '.*_proj' } } });
});

test('an estimate takes the flags of train, or the spec of a run and at most a machine', () => {
  expect(specOf(estimate, '--base ./b --data d.jsonl --r 4 --machine gpu-24')).toEqual({
    kind: 'estimate',
    base: here('b'),
    data: { train: here('d.jsonl') },
    method: { kind: 'lora', config: { r: 4 } },
    machine: 'gpu-24',
  });
  expect(specOf(estimate, 'spec.json --machine cpu')).toMatchObject({ file: here('spec.json'), machine: 'cpu' });
  for (const besides of ['--r 4', '--steps 7', 'other.json'])
    expect(() => specOf(estimate, `spec.json ${besides}`)).toThrow('which says all of a run');
});

test('members of a composition carry their weights, negative ones too', () => {
  expect(specOf(compose, './x=0.5 ./y ./z=-1 a=b/c --output o')).toMatchObject({
    type: 'cat',
    members: [
      { adapter: here('x'), weight: 0.5 },
      { adapter: here('y') },
      { adapter: here('z'), weight: -1 },
      { adapter: here('a=b/c') },
    ],
  });
  expect(() => parseSpec(specOf(compose, './x=much ./y -o o'))).toThrow('members[0].weight: is "much"');
});

test('prompts are words, conversations a flag', () => {
  expect(specOf(generate, '--base ./b one two --chat three --temperature 0.5')).toMatchObject({
    prompts: [{ prompt: 'one' }, { prompt: 'two' }, { messages: [{ content: 'three' }] }],
    temperature: 0.5,
  });
});

test('every misunderstood argument is told at once, with the flag that was probably meant', () => {
  expect(refusals(train, ['--bse', 'x', '--data', '--full=yes', '--r'])).toEqual([
    '--bse: is no flag of train; did you mean --base?',
    '--data: needs a value: --data FILE',
    '--r: needs a value: --r RANK',
  ]);
  expect(refusals(train, ['rows.jsonl'])).toEqual(['rows.jsonl: stands alone; did you mean --data rows.jsonl?']);
  expect(refusals(exportCommand, ['x@1'])).toEqual(['x@1: stands alone; did you mean --adapter x@1?']);
  expect(refusals(train, ['--full=yes'])).toEqual(['--full: takes no value']);
  expect(refusals(merge, ['--qqqqqq'])).toEqual(['--qqqqqq: is no flag of merge; see --help']);
  expect(refusals(train, ['--toString'])).toHaveLength(1);
});

test('a number that is none is left to the spec to refuse, a negative one is a value', () => {
  expect(() => parseSpec(specOf(evaluate, '--base ./b --data d --seed ten'))).toThrow('seed: is "ten"');
  expect(() => parseSpec(specOf(evaluate, '--base ./b --data d --seed -1'))).toThrow('seed: is -1');
});

test('with names everything stays as typed, and what belongs to folders is refused', () => {
  expect(buildSpec(train, ['--base', 'tiny', '--data', 'd.jsonl', '--output', 'mine', '--detach'])).toMatchObject({
    works: 'names',
    spec: { base: 'tiny', data: { train: 'd.jsonl' }, output: 'mine', named: { detach: true } },
  });
  expect(refusals(train, ['--base', 'tiny', '--threads', '1'])[0]).toMatch(/^--threads: works on folders here only/);
  expect(refusals(train, ['--base', 'tiny', '--print-spec'])[0]).toMatch(/^--print-spec: works on folders here only/);
  expect(refusals(train, ['--base', './tiny', '--detach'])[0]).toMatch(/^--detach: works on the server only/);
});

test('merge with adapters alone is told what was probably meant', () => {
  expect(() => buildSpec(merge, ['a', 'b'])).toThrow('did you mean "lorary compose a b"?');
  expect(() => buildSpec(merge, ['a'])).toThrow('did you mean "lorary merge --adapter a"?');
});

test('a place in the spec is called by its flag', () => {
  expect(flagAt(train, 'data.train')).toBe('--data');
  expect(flagAt(train, 'method.config.target_modules')).toBe('--target-modules');
  expect(flagAt(train, 'samples.prompts[0].prompt')).toMatch(/^--sample/);
  expect(flagAt(train, 'rows.jsonl:1')).toBeUndefined();
  // in the request of the same job
  expect(flagAt(train, 'evalFraction')).toBe('--eval-fraction');
});

test('every flag of every command leads to a place that the spec knows', () => {
  const needed: Record<string, readonly string[]> = {
    train: ['--base', './b', '--data', 'd', '--output', 'o'],
    compose: ['./a', '--output', 'o'],
    merge: ['--base', './b', '--adapter', './a', '--output', 'o'],
    evaluate: ['--adapter', './a', '--base', './b', '--data', 'd'],
    generate: ['--base', './b', 'prompt'],
    'data check': ['--base', './b', '--data', 'd'],
    'find-rate': ['--base', './b', '--data', 'd', '--output', 'o'],
  };
  const values: Record<string, string> = {
    base: './b',
    adapter: './a',
    'eval-fraction': '0.1',
    'lora-dropout': '0.1',
    'warmup-ratio': '0.1',
    'weight-decay': '0.1',
    'top-p': '0.5',
    'long-rows': 'split',
    schedule: 'linear',
    preset: 'quick',
    lowest: '1e-7',
    highest: '10',
    'ramp-steps': '20',
    init: 'pissa',
    'output-dtype': 'bf16',
    device: 'cuda:1',
    compute: 'bfloat16',
    dtype: 'f16',
    type: 'svd',
    mode: 'exact',
    'peft-release': '0.20',
    'bootstrap-samples': '500',
    'from-scratch': '--full',
    from: './a',
    mix: './b=0.5',
    'keep-moments': '--from=./a',
    memory: 'middle',
  };
  // only the flattened format takes all of them
  const exported = ['--base', './b', '--adapter', './a', '--output', 'o', '--format', 'flattened'];
  for (const [name, { kind, only }] of Object.entries(exportCommand.flags)) {
    if (only === 'names') continue;
    const value =
      name === 'dtype'
        ? 'bf16'
        : name === 'format'
          ? 'flattened'
          : name === 'base' || name === 'adapter'
            ? `./${name}`
            : '7';
    const { spec } = buildSpec(exportCommand, [...exported, `--${name}`, ...(kind === 'switch' ? [] : [value])]);
    expect(() => parseSpec(spec), `export --${name}`).not.toThrow();
  }
  for (const command of [train, findRate, compose, merge, evaluate, generate, dataCheck])
    for (const [name, { kind, only }] of Object.entries(command.flags)) {
      if (only === 'names') continue;
      const value = values[name] ?? '7';
      const args = kind === 'switch' ? (name in values ? [value] : []) : [value];
      const besides: Readonly<Record<string, string[]>> = {
        rank: ['--type', 'svd'],
        'max-dollars': ['--dollars-per-hour', '2'],
      };
      const type = besides[name] ?? [];
      const { spec } = buildSpec(command, [...(needed[command.name] ?? []), ...type, `--${name}`, ...args]);
      expect(() => parseSpec(spec), `${command.name} --${name}`).not.toThrow();
    }
});
