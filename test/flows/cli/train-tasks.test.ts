import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../../shared/contract/jobs.ts';
import type { TrainTasksReport } from '../../../shared/contract/reports.ts';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';
import { writeTinyBase } from '../../support/tiny-base.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
  await writeTinyBase(join(cli.folder, 'models', 'small'));
  const write = (name: string, sign: string, of: (i: number) => number): Promise<void> => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ prompt: `${i} ${sign} 1 =`, completion: ` ${of(i)}` }));
    return writeFile(join(cli.folder, name), rows.map((row) => JSON.stringify(row)).join('\n'));
  };
  await write('plus.jsonl', '+', (i) => i + 1);
  await write('minus.jsonl', '-', (i) => i - 1);
});
afterAll(() => cli.close());

const tasks = ['train-tasks', 'adds=plus.jsonl', 'takes=minus.jsonl'];

test('with rows and a base alone, each task is settled by its rows, and a version of each comes out', async () => {
  const dry = await cli.json<{ job: null; estimate: { steps: number } }>([
    ...tasks,
    '--base',
    'tiny',
    '--dry-run',
    '--steps',
    '7',
  ]);
  expect(dry).toMatchObject({ job: null, estimate: { steps: 14 } });
  const { code, out, err } = await cli.run([...tasks, '--base', 'tiny', '--steps', '4', '--r', '2']);
  expect({ code, err }).toEqual({ code: 0, err });
  for (const choice of ['adds: --lora-alpha 4', 'takes: --learning-rate 0.002', 'takes: --eval-fraction 0.1'])
    expect(err).toMatch(new RegExp(`^${choice}: \\S`, 'm'));
  expect(err).toMatch(/^adds: step 4: held-out loss/m);
  expect(out).toMatch(/adds {2}.*\n *takes {2}.*2 adapters in .*adds@1 and takes@1 are published/s);
  const { jobs } = await cli.json<{ jobs: Job[] }>(['jobs', '--kind', 'train-tasks']);
  expect(jobs).toMatchObject([
    { state: 'succeeded', output: { versions: [{ adapter: 'adds' }, { adapter: 'takes' }] } },
  ]);
}, 60_000);

test('with a folder the adapters stand in --output', async () => {
  const here = [...tasks, '--base', 'models/small', '--steps', '2', '--eval-fraction', '0.2', '--threads', '1'];
  const report = await cli.json<TrainTasksReport>([...here, '--output', 'adapters']);
  expect(report.tasks.map(({ name, report: { evalRows } }) => [name, evalRows])).toEqual([
    ['adds', 6],
    ['takes', 6],
  ]);
  expect((await readdir(join(cli.folder, 'adapters'))).toSorted()).toEqual(['adds', 'takes']);
}, 60_000);

test('what is wrong is told at once', async () => {
  const none = await cli.run(['train-tasks', '--base', 'tiny']);
  expect(none).toMatchObject({ code: 2, out: '' });
  expect(none.err).toContain('NAME=FILE');
  const words = await cli.run(['train-tasks', 'plus.jsonl', 'minus.jsonl', '--base', 'tiny']);
  expect(words.err).toMatch(/plus\.jsonl: names no task.*minus\.jsonl: names no task/s);
  const twice = await cli.run(['train-tasks', 'adds=plus.jsonl', 'adds=minus.jsonl', '--base', 'tiny', '--r', '0']);
  expect(twice).toMatchObject({ code: 2 });
  expect(twice.err).toMatch(/tasks\[1\]\.output\.adapter: is what task 1 makes already/);
}, 60_000);
