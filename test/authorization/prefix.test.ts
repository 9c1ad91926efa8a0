import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import {
  createAdapter,
  deleteAdapter,
  getAdapter,
  listAdapters,
  restoreAdapter,
  updateAdapter,
} from '../../shared/contract/adapters.ts';
import { deleteBase } from '../../shared/contract/bases.ts';
import { createComposition, getComposition, listCompositions } from '../../shared/contract/compositions.ts';
import { createJob, getJob, listJobs } from '../../shared/contract/jobs.ts';
import { listAudit, listAuditSeals } from '../../shared/contract/audit.ts';
import { roleScopes } from '../../shared/contract/scopes.ts';
import { getUpload } from '../../shared/contract/uploads.ts';
import { beginUpload, getVersion } from '../../shared/contract/versions.ts';
import { announce, tinyAdapter } from '../support/send-upload.ts';
import { openFixture, type Fixture } from './fixture.ts';

/** A key whose prefix is the name of one adapter, in a team that has another one, too. */
let f: Fixture;
let bound: ApiClient;
let own: string;
let hidden: string;
const outside = { status: 403, code: 'outside-prefix' };
const notThere = { status: 404 };
beforeAll(async () => {
  f = await openFixture();
  await f.base();
  hidden = await f.adapter(1);
  own = await f.adapter(1);
  bound = await f.api.client('blue', { scopes: [...roleScopes.owner], adapterPrefix: own });
});
afterAll(() => f.api.close());

test('lists hold what has the prefix, whole pages of it, by whatever filter', async () => {
  for (const name of [own, hidden])
    await f.blue.call(updateAdapter, { params: { adapter: name }, body: { tags: ['t'] } });
  for (const query of [{}, { base: await f.base() }, { tag: 't' }, { text: 'blue' }, { limit: 1 }])
    expect((await bound.call(listAdapters, { query })).items.map(({ name }) => name)).toEqual([own]);
});

test('an adapter is not made outside of the prefix, whether one is there or not, by a call or by an upload', async () => {
  const base = await f.base();
  for (const name of [hidden, 'nobody-has-this']) {
    await expect(bound.call(createAdapter, { body: { name, base } })).rejects.toMatchObject(outside);
    const files = announce(await tinyAdapter());
    const upload = (body: object) => bound.call(beginUpload, { params: { adapter: name }, body: { files, ...body } });
    await expect(upload({ base })).rejects.toMatchObject(outside);
    await expect(upload({})).rejects.toMatchObject(notThere);
  }
  await bound.call(createAdapter, { body: { name: `${own}-more`, base } });
});

test('an upload that somebody else began for another adapter is not there', async () => {
  const { id } = await f.upload(false);
  await expect(bound.call(getUpload, { params: { upload: id } })).rejects.toMatchObject(notThere);
});

test('a job that reads or makes another adapter is not there, and none is made', async () => {
  const [base, dataset] = [await f.base(), await f.dataset()];
  const evaluate = (api: ApiClient, adapter: string) =>
    api.call(createJob, { body: { kind: 'evaluate', base, dataset, adapter } });
  const theirs = (await evaluate(f.blue, hidden)).job?.id ?? '';
  const mine = (await evaluate(bound, own)).job?.id ?? '';
  await expect(evaluate(bound, hidden)).rejects.toMatchObject({ findings: [{ code: 'no-such-adapter' }] });
  await expect(bound.call(getJob, { params: { job: theirs } })).rejects.toMatchObject(notThere);
  expect((await bound.call(listJobs, { query: {} })).items.map(({ id }) => id)).toEqual([mine]);
  const train = (adapter: string) =>
    bound.call(createJob, { body: { kind: 'train', base, dataset, steps: 1, output: { adapter } } });
  await expect(train(hidden)).rejects.toMatchObject(outside);
  await expect(train('nobody-has-this')).rejects.toMatchObject(outside);
});

test('a composition with another member is not there, and none is made', async () => {
  const compose = (api: ApiClient, members: readonly string[]) =>
    api.call(createComposition, {
      body: { name: f.name(), type: 'cat', members: members.map((adapter) => ({ adapter })) },
    });
  const theirs = await compose(f.blue, [own, hidden]);
  const mine = await compose(bound, [own]);
  const params = { composition: theirs.name };
  await expect(bound.call(getComposition, { params })).rejects.toMatchObject(notThere);
  await expect(compose(bound, [own, hidden])).rejects.toMatchObject({ code: 'composition' });
  expect((await bound.call(listCompositions, { query: {} })).items.map(({ name }) => name)).toEqual([mine.name]);
});

test('a base that other adapters belong to is not deleted, and they are not named', async () => {
  const base = await f.newBase();
  await f.blue.call(createAdapter, { body: { name: 'quiet', base } });
  const refused = bound.call(deleteBase, { params: { base } });
  await expect(refused).rejects.toMatchObject({ code: 'still-used', message: expect.not.stringContaining('quiet') });
});

test('the audit tells of what has the prefix and of what the key did itself', async () => {
  const day = new Date(f.api.world.now()).toISOString().slice(0, 10);
  const { items } = await bound.call(listAudit, { query: { day, limit: 100 } });
  expect(items.length).toBeGreaterThan(2);
  // what it was refused names what it asked for itself
  const done = items.filter(({ outcome }) => outcome === undefined);
  expect(JSON.stringify(done)).not.toContain(hidden);
  await bound.call(listAuditSeals, { query: {} });
});

test('what was deleted outside is not brought back, and what was deleted within is', async () => {
  const theirs = await f.adapter(0);
  await f.blue.call(deleteAdapter, { params: { adapter: theirs } });
  await expect(bound.call(restoreAdapter, { params: { adapter: theirs } })).rejects.toMatchObject(notThere);
  await bound.call(deleteAdapter, { params: { adapter: own } });
  await bound.call(restoreAdapter, { params: { adapter: own } });
  await expect(bound.call(getAdapter, { params: { adapter: hidden } })).rejects.toMatchObject(notThere);
  const { id } = await f.blue.call(getVersion, { params: { adapter: hidden, version: '1' } });
  await expect(bound.call(getVersion, { params: { adapter: own, version: id } })).rejects.toMatchObject(notThere);
});
