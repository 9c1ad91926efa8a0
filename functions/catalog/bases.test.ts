import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createBase,
  deleteBase,
  getBase,
  listBaseFiles,
  listBases,
  listBaseTensors,
} from '../../shared/contract/bases.ts';
import { createAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { importRequestSchema } from '../../shared/records/import-request.ts';
import { limits } from '../../shared/limits.ts';
import { getJobRecord } from '../../shared/records/jobs.ts';
import { addBase } from '../../test/support/catalog-fixtures.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';

let folder: string;
let models: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-bases-'));
  models = join(folder, 'models');
  await mkdir(models);
  await writeTinyBase(join(models, 'tiny'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let api: LocalApi;
let client: ApiClient;
beforeEach(async () => {
  api = await openLocalApi();
  Object.assign(api.deps, { baseFolders: [models] });
  client = await api.client();
});
afterEach(() => api.close());

const fromPath = (path: string, name = 'tiny') =>
  client.call(createBase, { body: { name, source: { kind: 'local', path } } });

describe('a base from a folder of the machine', () => {
  it('is refused outside of the allowed folders, whether it is there or not', async () => {
    const elsewhere = join(folder, 'private');
    await mkdir(elsewhere, { recursive: true });
    await symlink(elsewhere, join(models, 'escape')).catch(() => undefined);
    for (const path of [
      elsewhere,
      join(folder, 'missing'),
      `${models}/../private`,
      'tiny',
      join(models, 'escape'),
      '/',
    ])
      await expect(fromPath(path), path).rejects.toMatchObject({ code: 'folder-not-allowed' });
  });

  it('is refused when a link in it leads outside, telling every one', async () => {
    const linked = join(models, 'linked');
    await mkdir(linked);
    await writeFile(join(folder, 'secret'), 'secret');
    await symlink(join(folder, 'secret'), join(linked, 'config.json'));
    await symlink(join(folder, 'nothing'), join(linked, 'tokenizer.json'));
    await expect(fromPath(linked)).rejects.toMatchObject({
      code: 'folder-not-allowed',
      findings: [{ where: 'config.json' }, { where: 'tokenizer.json' }],
    });
  });

  it('is refused when nothing is there, or a file that is no GGUF', async () => {
    await writeFile(join(models, 'notes.txt'), '');
    for (const path of [join(models, 'missing'), join(models, 'notes.txt')])
      await expect(fromPath(path)).rejects.toMatchObject({ code: 'no-such-folder' });
  });

  it('is refused on a server that allows no folder', async () => {
    Object.assign(api.deps, { baseFolders: [] });
    await expect(fromPath(join(models, 'tiny'))).rejects.toMatchObject({ code: 'folder-not-allowed' });
  });

  it('is imported by a job that is made with it', async () => {
    const { base } = await fromPath(join(models, 'tiny'));
    expect(base).toMatchObject({ state: 'importing', source: { kind: 'local' } });
    const job = await getJobRecord(api.world.table, 'blue', base.importJobId ?? '');
    expect(importRequestSchema.parse(job.value.request)).toMatchObject({
      base: 'tiny',
      baseId: base.id,
      source: { kind: 'local', path: join(models, 'tiny') },
    });
    expect(await api.world.runner.describe(job.value.runId)).toMatchObject({ jobId: base.importJobId });
    await expect(fromPath(join(models, 'tiny'))).rejects.toMatchObject({ code: 'name-taken', status: 409 });
    expect(JSON.stringify(await client.call(getBase, { params: { base: 'tiny' } }))).not.toContain(models);
  });
});

describe('a base from Hugging Face', () => {
  let hub: Server;
  let files: object[];
  const sha = 'c'.repeat(40);
  beforeEach(async () => {
    files = [{ type: 'file', path: 'model.safetensors', size: 10, oid: 'x' }];
    hub = createServer((request, response) => {
      const known = request.url?.startsWith('/api/models/owner/model/') === true;
      const body = request.url?.includes('/tree/') === true ? files : { _id: '1', id: 'owner/model', sha };
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(known ? body : { error: 'not found' }));
    });
    await new Promise<void>((done) => hub.listen(0, '127.0.0.1', done));
    const { port } = hub.address() as AddressInfo; // of a server that listens on a port
    Object.assign(api.deps, { hub: { url: `http://127.0.0.1:${port}` } });
  });
  afterEach(() => new Promise((done) => hub.close(done)));

  const fromHub = (repository: string) =>
    client.call(createBase, {
      body: { name: 'tiny', source: { kind: 'huggingface', repository } },
      idempotencyKey: 'k',
    });

  it('is refused when there is no such model, when it has no weights to read, and when it is too large', async () => {
    await expect(fromHub('owner/other')).rejects.toMatchObject({ code: 'no-such-repository' });
    files = [{ type: 'file', path: 'pytorch_model.bin', size: 10, oid: 'x' }];
    await expect(fromHub('owner/model')).rejects.toMatchObject({ code: 'no-weights' });
    files = [{ type: 'file', path: 'model.safetensors', size: limits.baseBytesMax + 1, oid: 'x' }];
    await expect(fromHub('owner/model')).rejects.toMatchObject({ code: 'too-large' });
  });

  it('is unavailable while Hugging Face does not answer, and not possible where it is not looked up', async () => {
    Object.assign(api.deps, { hub: { url: 'http://127.0.0.1:9' } });
    await expect(fromHub('owner/model')).rejects.toMatchObject({ status: 503 });
    Object.assign(api.deps, { hub: undefined });
    await expect(fromHub('owner/model')).rejects.toMatchObject({ code: 'not-available-here' });
    api.bugs.length = 0;
  });

  it('is pinned to the commit that the revision means now, and a repeated call finds what it made', async () => {
    const { base } = await fromHub('owner/model');
    expect(base.source).toEqual({ kind: 'huggingface', repository: 'owner/model', revision: sha });
    expect((await fromHub('owner/model')).base.id).toBe(base.id);
  });
});

describe('a base from an upload', () => {
  const file = { path: 'config.json', sizeBytes: 2, sha256: 'a'.repeat(64) };
  const upload = (files: readonly (typeof file)[]) =>
    client.call(createBase, { body: { name: 'mine', source: { kind: 'upload', files: [...files] } } });

  it('is refused one byte past the limit, and taken at it', async () => {
    const half = { ...file, sizeBytes: limits.baseBytesMax / 2 };
    const rest = { ...half, path: 'model.safetensors' };
    await expect(upload([half, { ...rest, sizeBytes: rest.sizeBytes + 1 }])).rejects.toMatchObject({
      code: 'too-large',
      status: 413,
    });
    expect((await upload([half, rest])).base.state).toBe('draft');
  });

  it('waits for its files, and deleting it gives the upload up', async () => {
    const { base, upload: begun } = await upload([file]);
    expect(begun).toMatchObject({ target: { kind: 'base', base: 'mine' }, state: 'open', files: [{ parts: 1 }] });
    await expect(client.call(listBaseFiles, { params: { base: 'mine' } })).rejects.toMatchObject({ code: 'not-ready' });
    await client.call(deleteBase, { params: { base: base.name } });
    const record = await api.world.table.get({ partition: `blue#upload#${begun?.id}`, sort: 'upload' });
    expect(record?.value).toMatchObject({ state: 'aborted', settled: true });
  });
});

describe('a base that is ready', () => {
  beforeEach(() => addBase(api.world, api.caller(), 'tiny', join(models, 'tiny')));

  it('is not there for another team', async () => {
    const other = await api.client('red');
    await expect(other.call(getBase, { params: { base: 'tiny' } })).rejects.toMatchObject({ status: 404 });
    await expect(other.call(deleteBase, { params: { base: 'tiny' } })).rejects.toMatchObject({ status: 404 });
    expect((await other.call(listBases, {})).items).toEqual([]);
  });

  it('is not deleted while adapters belong to it', async () => {
    await client.call(createAdapter, { body: { name: 'french', base: 'tiny' } });
    await expect(client.call(deleteBase, { params: { base: 'tiny' } })).rejects.toMatchObject({
      code: 'still-used',
      message: expect.stringContaining('french'),
    });
    expect((await client.call(listBases, {})).items).toHaveLength(1);
  });

  it('shows its tensors and gives its files', async () => {
    const { tensors } = await client.call(listBaseTensors, { params: { base: 'tiny' } });
    expect(tensors).toEqual([{ name: 'model.norm.weight', dtype: 'F32', shape: [16] }]);
    const { files } = await client.call(listBaseFiles, { params: { base: 'tiny' } });
    const config = files.find(({ path }) => path === 'config.json');
    const answer = await api.fetch(config?.url ?? '', { headers: config?.headers ?? {} });
    expect(await answer.json()).toMatchObject({ model_type: 'llama' });
  });
});
