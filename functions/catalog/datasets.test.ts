import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import {
  createDataset,
  deleteDataset,
  getDataset,
  getDatasetFile,
  listDatasets,
  previewDataset,
} from '../../shared/contract/datasets.ts';
import { limits } from '../../shared/limits.ts';
import { addBase, addDataset } from '../../test/support/catalog-fixtures.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-datasets-'));
  await writeTinyBase(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let api: LocalApi;
let client: ApiClient;
beforeEach(async () => {
  api = await openLocalApi();
  client = await api.client();
});
afterEach(() => api.close());

const announce = (sizeBytes = 100, name = 'talks') =>
  client.call(createDataset, {
    body: { name, file: { path: 'train.jsonl', sizeBytes, sha256: 'a'.repeat(64) } },
    idempotencyKey: 'k',
  });

describe('a new dataset', () => {
  it('is refused one byte past the limit, and announced at it', async () => {
    await expect(announce(limits.datasetBytesMax + 1)).rejects.toMatchObject({ code: 'invalid-request' });
    const { dataset, upload } = await announce(limits.datasetBytesMax);
    expect(dataset).toMatchObject({ state: 'draft', format: null, rows: null });
    expect(upload.target).toEqual({ kind: 'dataset', dataset: 'talks' });
  });

  it('is refused under a name that is taken, and a repeated call finds the same upload', async () => {
    const { upload } = await announce();
    expect((await announce()).upload.id).toBe(upload.id);
    const again = { name: 'talks', file: { path: 'a.jsonl', sizeBytes: 1, sha256: 'a'.repeat(64) } };
    await expect(client.call(createDataset, { body: again })).rejects.toMatchObject({ code: 'name-taken' });
  });

  it('cannot be used before its file has come', async () => {
    await announce();
    await addBase(api.world, api.caller(), 'tiny', folder);
    const params = { dataset: 'talks' };
    await expect(client.call(getDatasetFile, { params })).rejects.toMatchObject({ code: 'not-ready' });
    await expect(client.call(previewDataset, { params, query: { base: 'tiny' } })).rejects.toMatchObject({
      code: 'not-ready',
    });
  });
});

describe('a dataset that is ready', () => {
  const turn = (question: string, answer: string): string =>
    JSON.stringify({
      messages: [
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
      ],
    });
  const text = [turn('Hi', 'Hello'), '', turn('x'.repeat(200), 'too long'), turn('Bye', 'Adieu'), '{'].join('\n');
  const params = { dataset: 'talks' };
  beforeEach(() => addDataset(api.world, api.caller(), 'talks', text));

  it('is not there for another team', async () => {
    const other = await api.client('red');
    await expect(other.call(getDataset, { params })).rejects.toMatchObject({ status: 404 });
    await expect(other.call(deleteDataset, { params })).rejects.toMatchObject({ status: 404 });
    expect((await other.call(listDatasets, {})).items).toEqual([]);
  });

  it('is not previewed without a base that is ready', async () => {
    await expect(client.call(previewDataset, { params, query: { base: 'tiny' } })).rejects.toMatchObject({
      code: 'no-such-base',
    });
    await addBase(api.world, api.caller(), 'tiny', folder, { state: 'failed' });
    await expect(client.call(previewDataset, { params, query: { base: 'tiny' } })).rejects.toMatchObject({
      code: 'not-ready',
    });
  });

  it('is refused a preview by a base without a tokenizer', async () => {
    await addBase(api.world, api.caller(), 'tiny', folder, { files: [] });
    await expect(client.call(previewDataset, { params, query: { base: 'tiny' } })).rejects.toMatchObject({
      code: 'no-tokenizer',
    });
  });

  it('is shown as the base sees it, what is trained marked, with what is wrong in these rows alone', async () => {
    await addBase(api.world, api.caller(), 'tiny', folder);
    const one = await client.call(previewDataset, { params, query: { base: 'tiny', rows: 1 } });
    expect(one.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(one.rows).toMatchObject([
      {
        line: 1,
        runs: [
          { text: '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n', trained: false },
          { text: 'Hello<|im_end|>', trained: true },
        ],
      },
    ]);
    const three = await client.call(previewDataset, { params, query: { base: 'tiny', rows: 3 } });
    expect(three.rows.map(({ line }) => line)).toEqual([1, 4]);
    expect(three.findings).toMatchObject([
      { severity: 'error', where: 'talks:3' },
      { severity: 'warning', where: 'talks:2' },
    ]);
  });

  it('gives its file, and is gone when it is deleted', async () => {
    const { url, headers } = await client.call(getDatasetFile, { params });
    expect(await (await api.fetch(url, { headers })).text()).toBe(text);
    await client.call(deleteDataset, { params });
    await expect(client.call(getDataset, { params })).rejects.toMatchObject({ status: 404 });
  });
});
