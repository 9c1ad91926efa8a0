import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setAlias, updateAdapter } from '../../../shared/contract/adapters.ts';
import { createKey } from '../../../shared/contract/keys.ts';
import { recountStored } from '../../../shared/records/recount-stored.ts';
import { getVersionRecord } from '../../../shared/records/versions.ts';
import { openLocalApi } from '../../support/local-api.ts';
import { putReadyBase } from '../../support/ready-base.ts';
import { publishMade } from '../../support/publish-made.ts';
import { storeDataset } from '../../support/stored-things.ts';
import { pushVersion, tinyAdapter } from '../../support/send-upload.ts';
import type { Facts } from './scene.ts';

/** Fills `folder` with what every operation begins with: two adapters with versions and aliases, a version that waits, and keys. */
export async function writeTemplate(folder: string): Promise<void> {
  const api = await openLocalApi({ keptIn: join(folder, 'data') });
  try {
    const key = await api.key('blue');
    const client = await api.client('blue');
    await putReadyBase(api.world, 'blue');
    for (const [adapter, seed] of [
      ['french', 1],
      ['french', 2],
      ['gone', 3],
    ] as const) {
      await pushVersion(api, client, adapter, { files: await tinyAdapter(seed) });
      await api.settle();
      const params = { adapter, alias: 'production' };
      await client.call(setAlias, { params, body: { version: 1 } });
    }
    await client.call(updateAdapter, { params: { adapter: 'gone' }, body: { tags: ['blue', 'red'] } });
    const caller = api.caller();
    const data = await storeDataset(api.world, caller, 'letters', [{ prompt: 'a', completion: 'b' }]);
    const datasets = [{ name: 'letters', id: data.id, sha256: data.sha256 ?? '' }];
    await publishMade(api.world, caller, { adapter: 'learnt', base: 'tiny', lineage: { origin: 'train', datasets } });
    await recountStored(api.world, 'blue');
    const body = { name: 'old', scopes: ['adapters:read' as const] };
    const { key: old } = await client.call(createKey, { body });
    const waiting = await pushVersion(api, client, 'french', { files: await tinyAdapter(5), aliases: ['candidate'] });
    const { value } = await getVersionRecord(api.world.table, 'blue', waiting.id);
    const facts: Facts = {
      now: Date.now() + 1000,
      key,
      keyId: old.id,
      versionId: waiting.id,
      uploadId: value.uploadId ?? '',
    };
    await writeFile(join(folder, 'facts.json'), JSON.stringify(facts));
  } finally {
    await api.close();
  }
}
