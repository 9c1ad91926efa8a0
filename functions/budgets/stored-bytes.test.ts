import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ApiError, ApiClient } from '../../shared/contract/api-client.ts';
import { createBase } from '../../shared/contract/bases.ts';
import { getBudget, setBudget, type Budget } from '../../shared/contract/budgets.ts';
import { createDataset, deleteDataset } from '../../shared/contract/datasets.ts';
import { whoAmI } from '../../shared/contract/keys.ts';
import { abortUpload, completeUpload } from '../../shared/contract/uploads.ts';
import { deleteAdapter } from '../../shared/contract/adapters.ts';
import { beginUpload, getVersion } from '../../shared/contract/versions.ts';
import { limits } from '../../shared/limits.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import { findAccount } from '../../shared/records/budgets.ts';
import { findHolding } from '../../shared/records/holdings.ts';
import { keys } from '../../shared/records/keys.ts';
import { recountStored } from '../../shared/records/recount-stored.ts';
import { createTeam } from '../../shared/records/teams.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, pushVersion, sendFiles, tinyAdapter, type NamedBytes } from '../../test/support/send-upload.ts';
import { administrate } from '../admin/administrate.ts';
import { sweepPurges } from '../purger/sweep-purges.ts';
import { sweepStored } from '../purger/sweep-stored.ts';

let api: LocalApi;
let client: ApiClient;
let files: NamedBytes;
let size = 0;
beforeEach(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  files = await tinyAdapter();
  size = Object.values(files).reduce((sum, { byteLength }) => sum + byteLength, 0);
  // what the base has
  await recountStored(api.world, 'blue');
  before = (await budget()).used.storedBytes;
});
afterEach(() => api.close());

let before = 0;
const budget = (subject = 'team'): Promise<Budget> => client.call(getBudget, { params: { subject } });
const limit = (storedBytes: number | null, subject = 'team'): Promise<Budget> =>
  client.call(setBudget, { params: { subject }, body: { storedBytes } });
const stored = async (subject = 'team'): Promise<readonly [bytes: number, reserved: number]> => {
  const { used, reserved } = await budget(subject);
  return [used.storedBytes - (subject === 'team' ? before : 0), reserved.storedBytes];
};
const begin = (adapter: string) =>
  client.call(beginUpload, {
    params: { adapter },
    body: { base: 'tiny', aliases: [], notes: '', files: announce(files) },
  });
const later = async (seconds: number): Promise<void> => {
  api.pass(seconds * 1000);
  for (let round = 0; round < 2; round++)
    await sweepPurges(api.world, { log: (_, error) => void api.bugs.push(error) });
};

test('an upload reserves what it announces, keeps what came, and its bytes are free once they are gone', async () => {
  const { upload, version } = await begin('french');
  const { key } = await client.call(whoAmI, {});
  expect(await stored()).toEqual([0, size]);
  expect(await stored(key.id)).toEqual([0, size]);
  await sendFiles(api, client, upload, files);
  expect(await stored()).toEqual([0, size]);
  await client.call(completeUpload, { params: { upload: upload.id } });
  expect(await stored()).toEqual([size, 0]);
  await api.settle();
  expect(await client.call(getVersion, { params: { adapter: 'french', version: version.id } })).toMatchObject({
    state: 'published',
  });
  expect(await stored(key.id)).toEqual([size, 0]);
  await client.call(deleteAdapter, { params: { adapter: 'french' } });
  await later(1);
  // it can be had back until then
  expect(await stored()).toEqual([size, 0]);
  await later(limits.deletedKeptSeconds);
  expect(await stored()).toEqual([0, 0]);
  expect(await stored(key.id)).toEqual([0, 0]);
  expect(await findHolding(api.world.table, 'blue', version.id)).toBeUndefined();
  expect(await recountStored(api.world, 'blue')).toEqual([]);
});

test('what was given up, has expired or was refused holds nothing', async () => {
  const { upload } = await begin('given-up');
  await client.call(abortUpload, { params: { upload: upload.id } });
  expect(await stored()).toEqual([0, 0]);
  await begin('late');
  api.pass(1000 * limits.uploadKeptSeconds);
  await api.settle();
  expect(await stored()).toEqual([0, 0]);
  const bad = { ...files, 'adapter_model.safetensors': new Uint8Array(20) };
  await pushVersion(api, client, 'bad', { files: bad });
  await api.settle();
  const [kept, reserved] = await stored();
  expect([kept > 20, reserved]).toEqual([true, 0]);
  await later(limits.rejectedKeptSeconds);
  expect(await stored()).toEqual([0, 0]);
  expect(await recountStored(api.world, 'blue')).toEqual([]);
});

test('fifty uploads at once never pass the limit, and one byte more than fits is refused with nothing written', async () => {
  const fits = 7;
  await limit(before + fits * size);
  const all = await Promise.allSettled(Array.from({ length: 50 }, (_, at) => begin(`adapter-${at}`)));
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(fits);
  const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason as ApiError] : []));
  expect(new Set(refused.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(['402 storage-exceeded']));
  expect(refused[0]?.message).toMatch(
    new RegExp(`team's limit is ${before + fits * size} bytes .* ${size} wanted, 0 free`),
  );
  expect(await stored()).toEqual([0, fits * size]);
  await limit(before + (fits + 1) * size - 1);
  await expect(begin('more')).rejects.toMatchObject({ code: 'storage-exceeded' });
  await expect(client.call(getVersion, { params: { adapter: 'more', version: 'x' } })).rejects.toMatchObject({
    status: 404,
  });
  await limit(before + (fits + 1) * size);
  await begin('more');
  await expect(limit(before + (fits + 1) * size - 1)).rejects.toMatchObject({
    code: 'below-use',
    findings: [{ where: 'storedBytes' }],
  });
  expect(await limit(before + (fits + 1) * size)).toMatchObject({ limits: { storedBytes: before + 8 * size } });
});

test('a key has a limit of its own, datasets and bases count, too, and all that stands against it is told at once', async () => {
  const { key } = await client.call(whoAmI, {});
  await limit(99, key.id);
  await limit(before + 98);
  const file = { path: 'rows.jsonl', sizeBytes: 100, sha256: '0'.repeat(64) };
  await expect(client.call(createDataset, { body: { name: 'sums', file } })).rejects.toMatchObject({
    code: 'storage-exceeded',
    findings: [{ message: expect.stringContaining("The team's") }, { message: expect.stringContaining("The key's") }],
  });
  const source = { kind: 'upload' as const, files: [{ ...file, path: 'model.safetensors' }] };
  await expect(client.call(createBase, { body: { name: 'other', source } })).rejects.toMatchObject({
    code: 'storage-exceeded',
  });
  await limit(null);
  const fits = { ...file, sizeBytes: 99 };
  await client.call(createDataset, { body: { name: 'sums', file: fits } });
  expect(await stored(key.id)).toEqual([0, 99]);
  // another key has room of its own
  await (await api.client()).call(createDataset, { body: { name: 'more', file } });
  expect(await stored()).toEqual([0, 199]);
  await client.call(deleteDataset, { params: { dataset: 'sums' } });
  expect(await stored(key.id)).toEqual([0, 0]);
});

test('bytes that were counted wrong are found and set right, once a day, and what is being written is left alone', async () => {
  await createTeam(api.world, 'blue', async () => undefined);
  const { id } = await pushVersion(api, client, 'french');
  await api.settle();
  const { version: open } = await begin('open');
  await sweepStored(api.world, { log: (message) => void api.bugs.push(message) });
  expect(api.bugs).toEqual([]);
  // a lost record, a stray content, an account that says something else
  await api.world.table.delete(keys.holding('blue', id));
  await api.world.blobs.put(blobKeys.versionFile('blue', 'ver_stray', 'adapter_config.json'), new Uint8Array(17));
  await api.world.blobs.put(blobKeys.versionChecks('blue', 'ver_stray'), new Uint8Array(1000));
  const { value } = await findAccount(api.world, 'blue', 'team');
  const wrong = { ...value, stored: { bytes: value.stored.bytes + 5, reserved: value.stored.reserved + 3 } };
  await api.world.table.put({ key: keys.budget('blue', 'team'), value: JSON.parse(JSON.stringify(wrong)) });
  const told: string[] = [];
  await sweepStored(api.world, { log: (message) => void told.push(message) });
  expect(told).toEqual([]);
  api.pass(1000 * limits.recountSeconds);
  await sweepStored(api.world, { log: (message) => void told.push(message) });
  expect(told.toSorted().map((text) => text.split(' ')[0])).toEqual(expect.arrayContaining([id, 'ver_stray', 'team']));
  expect(await stored()).toEqual([size + 17, size]);
  expect(await recountStored(api.world, 'blue')).toEqual([]);
  // whoever writes it counts it
  expect((await findHolding(api.world.table, 'blue', open.id))?.value).toMatchObject({ bytes: 0, reserved: size });
});

test('the administrator has them counted anew and is told what was wrong', async () => {
  await createTeam(api.world, 'blue', async () => undefined);
  await pushVersion(api, client, 'french');
  await api.settle();
  const order = (action: string, team = 'blue') => administrate(api.world, { action, team });
  expect(await order('recount', 'nobody')).toMatchObject({ code: 'no-such-team' });
  await sweepStored(api.world);
  const right = { ok: true, recount: { drift: [] }, budget: { subject: 'team', used: { storedBytes: before + size } } };
  expect(await order('get-budget')).toMatchObject(right);
  await api.world.blobs.put(blobKeys.versionFile('blue', 'ver_stray', 'adapter_config.json'), new Uint8Array(17));
  await sweepStored(api.world);
  expect(await order('recount')).toMatchObject({ ...right, recount: { at: null, drift: [] } });
  await sweepStored(api.world);
  expect(await order('get-budget')).toMatchObject({
    recount: { at: expect.any(String), drift: [{ of: 'ver_stray', counted: { bytes: 0 }, is: { bytes: 17 } }] },
    budget: { used: { storedBytes: before + size + 17 } },
  });
});
