import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import {
  createComposition,
  deleteComposition,
  getComposition,
  listCompositions,
} from '../../shared/contract/compositions.ts';
import { versionWrite, getVersionRecord, type VersionRecord } from '../../shared/records/versions.ts';
import { addVersion } from '../../test/support/catalog-fixtures.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { writeRandomAdapter } from '../../test/support/random-adapter.ts';

const sizes = { 'model.layers.0.self_attn.q_proj': [16, 16] } as const;
let folder: string;
const folderOf = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-compositions-'));
  await writeRandomAdapter(folderOf('rank2'), sizes);
  await writeRandomAdapter(folderOf('rank4'), sizes, { r: 4 });
  await writeRandomAdapter(folderOf('wide'), { 'model.layers.0.self_attn.q_proj': [32, 16] });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let api: LocalApi;
let client: ApiClient;
beforeEach(async () => {
  api = await openLocalApi();
  client = await api.client();
});
afterEach(() => api.close());

const add = (
  adapter: string,
  from = 'rank2',
  given: { base?: string; usable?: boolean } = {},
): Promise<VersionRecord> =>
  addVersion(api.world, api.caller(), { adapter, base: 'tiny', folder: folderOf(from), ...given });

type Body = Parameters<typeof client.call<typeof createComposition>>[1]['body'];
const compose = (members: Body['members'], given: Partial<Body> = {}) =>
  client.call(createComposition, { body: { name: 'both', type: 'cat', members, ...given } });

describe('a composition is refused', () => {
  it('with everything that is wrong with any member at once', async () => {
    await add('french');
    await add('dora', 'rank2', { usable: false });
    await add('foreign', 'rank2', { base: 'other' });
    await add('wide', 'wide');
    const withdrawn = await getVersionRecord(api.world.table, 'blue', (await add('old')).id);
    const value = { ...withdrawn.value, state: 'withdrawn' as const, withdrawnBecause: 'it swears' };
    await api.world.table.transact([versionWrite(value, withdrawn.revision)], { token: 't' });
    const members = ['french', 'dora', 'foreign', 'wide', 'old', 'none'].map((adapter) => ({ adapter }));
    await expect(compose([...members, { adapter: 'french', version: '7' }])).rejects.toMatchObject({
      code: 'composition',
      findings: [
        { code: 'unusable', where: 'members[1]', message: expect.stringContaining('DoRA') },
        { code: 'withdrawn', where: 'members[4]', message: expect.stringContaining('it swears') },
        { code: 'not-found', where: 'members[5]' },
        { code: 'not-found', where: 'members[6]' },
        { code: 'different-bases', where: 'foreign@1' },
        expect.objectContaining({ severity: 'warning' }),
        expect.objectContaining({ severity: 'warning' }),
        expect.objectContaining({ severity: 'warning' }),
        { code: 'different-sizes', where: 'model.layers.0.self_attn.q_proj' },
      ],
    });
  });

  it('for ranks that linear cannot add, while cat can', async () => {
    await add('french');
    await add('german', 'rank4');
    const members = [{ adapter: 'french' }, { adapter: 'german' }];
    await expect(compose(members, { type: 'linear' })).rejects.toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ code: 'combination-unequal-ranks' })]),
    });
    await expect(compose(members, { rank: 3 })).rejects.toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ code: 'combination-rank' })]),
    });
    expect((await compose(members)).members).toHaveLength(2);
  });

  it('to another team, which has none of these adapters', async () => {
    await add('french');
    const other = await api.client('red');
    const body = { name: 'both', type: 'cat', members: [{ adapter: 'french' }] } as const;
    await expect(
      other.call(createComposition, { body: { ...body, members: [...body.members] } }),
    ).rejects.toMatchObject({
      findings: [{ code: 'not-found' }],
    });
  });
});

describe('a composition', () => {
  it('stays with the versions that its members were when it was made', async () => {
    const first = await add('french');
    await add('german');
    const made = await compose([
      { adapter: 'french', version: 'latest', weight: 0.5 },
      { adapter: 'german', version: '1', weight: 0 },
    ]);
    await add('french', 'rank4');
    const kept = await client.call(getComposition, { params: { composition: 'both' } });
    expect(kept).toEqual(made);
    expect(kept.members[0]).toEqual({ adapter: 'french', versionId: first.id, version: 1, weight: 0.5 });
    expect(kept.warnings.map(({ code }) => code)).toContain('zero-weight');
    expect(kept.base).toBe('tiny');
  });

  it('has a name of its own until it is deleted', async () => {
    await add('french');
    await compose([{ adapter: 'french' }]);
    await expect(compose([{ adapter: 'french' }])).rejects.toMatchObject({ code: 'name-taken' });
    expect((await client.call(listCompositions, {})).items).toHaveLength(1);
    await client.call(deleteComposition, { params: { composition: 'both' } });
    expect((await compose([{ adapter: 'french' }])).name).toBe('both');
  });
});
