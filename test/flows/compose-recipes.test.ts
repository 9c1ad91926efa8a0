import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient, CallInput } from '../../shared/contract/api-client.ts';
import { createComposition, type Composition } from '../../shared/contract/compositions.ts';
import { createJob, getJob, type Job } from '../../shared/contract/jobs.ts';
import { openLocalApi, type LocalApi } from '../support/local-api.ts';
import { putReadyBase } from '../support/ready-base.ts';
import { runHere } from '../support/run-here.ts';
import { pushVersion, tinyAdapter } from '../support/send-upload.ts';

// What is kept as a recipe is what a job makes: neither refuses what the other takes.
let api: LocalApi;
let client: ApiClient;
beforeAll(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  for (const [seed, name] of ['french', 'polite'].entries()) {
    const files = await tinyAdapter(seed);
    const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json'])) as object;
    const named = JSON.stringify({ ...config, base_model_name_or_path: `models/${name}-base` });
    await pushVersion(api, client, name, { files: { ...files, 'adapter_config.json': Buffer.from(named) } });
  }
  await api.settle();
});
afterAll(() => api.close());

type Recipe = Omit<CallInput<typeof createComposition>['body'], 'name'>;

async function make(name: string, recipe: Recipe): Promise<{ composition: Composition; done: Job }> {
  const composition = await client.call(createComposition, { body: { name, ...recipe } });
  const { job } = await client.call(createJob, {
    body: { kind: 'compose', composition: name, output: { adapter: name } },
  });
  await runHere(api, job?.id ?? '');
  return { composition, done: await client.call(getJob, { params: { job: job?.id ?? '' } }) };
}

test('members of one base whose files name it differently are composed, and both say so', async () => {
  const { composition, done } = await make('both', {
    type: 'cat',
    members: [{ adapter: 'french' }, { adapter: 'polite' }],
  });
  expect(composition.warnings).toMatchObject([{ severity: 'warning', code: 'different-bases' }]);
  expect(done).toMatchObject({ state: 'succeeded', findings: [{ severity: 'warning', code: 'different-bases' }] });
});

test('a single member as PEFT composes it: by linear, whatever is asked for', async () => {
  const { done } = await make('alone', {
    type: 'svd',
    mode: 'peft-compatible',
    rank: 1,
    members: [{ adapter: 'french', weight: 0.5 }],
  });
  expect(done).toMatchObject({ state: 'succeeded', output: { version: 1 } });
  expect(done.findings).toMatchObject([{ code: 'single-member' }]);
});
