import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportSpecSchema } from '../../shared/contract/specs/export.ts';
import { getBase, type Base } from '../../shared/contract/bases.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createJob } from '../../shared/contract/jobs.ts';
import { runExport } from '../../gpu-job/jobs/export.ts';
import { openJobsHere, type JobsHere } from '../support/jobs-here.ts';
import type { LocalApi } from '../support/local-api.ts';
import { rememberingContext } from '../support/remembering-context.ts';
import { writeTinyBase } from '../support/tiny-base.ts';

let models = '';
let api: LocalApi;
let client: ApiClient;
let run: JobsHere['run'];
let here: JobsHere;
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'lorary-packed-bases-'));
  const sizes = { hidden_size: 64, intermediate_size: 128, num_attention_heads: 4, head_dim: 16 };
  await writeTinyBase(join(models, 'float'), { config: sizes });
  const gguf = { kind: 'export', format: 'merged-gguf', base: join(models, 'float'), dtype: 'q8_0', threads: 1 };
  await runExport(exportSpecSchema.parse({ ...gguf, output: join(models, 'gguf') }), rememberingContext());
  here = await openJobsHere(models);
  ({ api, client, run } = here);
});
afterAll(async () => {
  await api.close();
  await rm(models, { recursive: true });
});

function importFrom(name: string, path: string, quantize?: Base['quantize']): Promise<Base> {
  const source = { kind: 'local', path: join(models, path) } as const;
  return here.importBase({ name, source, ...(quantize === undefined ? {} : { quantize }) });
}

test('a base is packed on its way in, and its record says how', async () => {
  const float = await importFrom('float', 'float');
  const packed = {
    nf4: await importFrom('nf4', 'float', 'nf4'),
    u4: await importFrom('u4', 'float', 'u4'),
    gguf: await importFrom('blocks', 'gguf', 'gguf'),
  };
  for (const [quantize, base] of Object.entries(packed)) {
    expect(base).toMatchObject({ state: 'ready', quantize, parameters: float.parameters, findings: [] });
    expect(base.sizeBytes).toBeLessThan(float.sizeBytes * 0.6);
  }
  expect([packed.nf4.dtypes, packed.u4.dtypes, packed.gguf.dtypes]).toEqual([
    ['F32', 'NF4'],
    ['F32', 'U4'],
    ['F32', 'Q8_0'],
  ]);
});

test('blocks of a GGUF that is none fail the import', async () => {
  await expect(importFrom('no-blocks', 'float', 'gguf')).rejects.toThrow(/no single GGUF file/);
  expect(await client.call(getBase, { params: { base: 'no-blocks' } })).toMatchObject({ state: 'failed' });
});

const batch = { rows: 4, microBatchTokens: 48, packTokens: 32 };

test('an adapter is trained and measured on it; what would change its weights is refused at once', async () => {
  const train = { kind: 'train', base: 'nf4', dataset: 'sums', steps: 2, batch } as const;
  const method = { kind: 'lora', config: { r: 2 } } as const;
  expect(await run({ ...train, method, output: { adapter: 'adder' } })).toMatchObject({ state: 'succeeded' });
  const evaluated = await run({ kind: 'evaluate', base: 'nf4', adapter: 'adder', dataset: 'sums' });
  expect(evaluated).toMatchObject({ state: 'succeeded', report: { rows: 12 } });
  for (const body of [
    { ...train, method: { kind: 'full' }, output: { base: 'taught' } },
    { kind: 'merge', adapter: 'adder', output: { base: 'merged' } },
    { kind: 'export', format: 'merged-gguf', adapter: 'adder' },
    { kind: 'export', format: 'merged-gguf', base: 'nf4' },
  ] as const)
    await expect(client.call(createJob, { body })).rejects.toMatchObject({ code: 'packed-weights' });
});
