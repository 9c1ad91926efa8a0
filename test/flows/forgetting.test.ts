import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportText } from '../../cli/report-text.ts';
import type { EvaluateReport, TrainReport } from '../../shared/contract/reports.ts';
import { createJob } from '../../shared/contract/jobs.ts';
import { openJobsHere, type JobsHere } from '../support/jobs-here.ts';
import { storeDataset } from '../support/stored-things.ts';
import { writeTinyBase } from '../support/tiny-base.ts';

let models = '';
let here: JobsHere;
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'lorary-scales-'));
  await writeTinyBase(join(models, 'tiny'));
  here = await openJobsHere(models);
  await here.importBase({ name: 'tiny', source: { kind: 'local', path: join(models, 'tiny') } });
  const rows = Array.from({ length: 3 }, (_, i) => ({ prompt: `${i} is`, completion: ' a number' }));
  await storeDataset(here.api.world, here.api.caller(), 'numbers', rows);
});
afterAll(async () => {
  await here.api.close();
  await rm(models, { recursive: true });
});

test('a run of the platform measures what was forgotten on a dataset, and a version is measured later', async () => {
  const trained = await here.run({
    kind: 'train',
    base: 'tiny',
    dataset: 'sums',
    evalFraction: 0.25,
    steps: 2,
    method: { kind: 'lora', config: { r: 2 } },
    batch: { rows: 4 },
    evaluation: { general: { dataset: 'numbers' } },
    output: { adapter: 'adder' },
  });
  expect(trained).toMatchObject({ state: 'succeeded' });
  expect(trained.inputs.datasets?.map(({ name }) => name)).toEqual(['sums', 'numbers']);
  const report = trained.report as unknown as TrainReport; // a training run reports that
  expect(report.forgetting).toMatchObject({ taskRows: 3, generalRows: 3, generalText: 'numbers.jsonl' });
  expect(reportText(report)).toMatch(
    /Learnt and forgotten on 3 rows of the task and 3 rows of numbers\.jsonl.*\nscale +task/,
  );

  const general = { rowsMax: 4 };
  const measured = await here.run({ kind: 'evaluate', base: 'tiny', adapter: 'adder', dataset: 'sums', general });
  const { loss, forgetting } = measured.report as unknown as EvaluateReport; // and an evaluation that
  expect(forgetting).toMatchObject({ taskRows: 4, generalRows: 4, generalText: 'built-in' });
  expect(forgetting?.scales).toHaveLength(7);
  expect(loss.value).toBeGreaterThan(0);
});

test('what has no scale, a dataset that is not there and a base alone are refused before a machine starts', async () => {
  const call = (body: Parameters<JobsHere['run']>[0]) => here.client.call(createJob, { body });
  const train = { kind: 'train', base: 'tiny', dataset: 'sums', output: { adapter: 'other' } } as const;
  const method = { kind: 'lora', config: { use_dora: true } } as const;
  await expect(call({ ...train, method, evaluation: { general: {} } })).rejects.toThrow(/update of low rank/);
  await expect(call({ ...train, evaluation: { general: { dataset: 'none' } } })).rejects.toThrow(
    /evaluation\.general\.dataset/,
  );
  await expect(call({ kind: 'evaluate', base: 'tiny', dataset: 'sums', general: {} })).rejects.toThrow(
    /about an adapter/,
  );
});
