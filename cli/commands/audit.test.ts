import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealAudits } from '../../functions/sealer/seal-audits.ts';
import { createAdapter } from '../../shared/contract/adapters.ts';
import { getSigningKey } from '../../shared/contract/audit.ts';
import { eraseDataset } from '../../shared/contract/erasures.ts';
import { auditPartition } from '../../shared/records/keys.ts';
import { createTeam } from '../../shared/records/teams.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { p256Signer } from '../../test/support/p256-signer.ts';
import { runTyped } from '../../test/support/run-command.ts';
import { openServedApi, type ServedApi } from '../../test/support/served-api.ts';
import { storeDataset } from '../../test/support/stored-things.ts';
import type { RunCommand } from '../command.ts';
import { audit, auditVerify } from './audit.ts';
import { dataErase } from './data-erase.ts';
import { keysTrust } from './keys-trust.ts';
import { lineage } from './lineage.ts';

let api: ServedApi;
let home = '';
let environment: Record<string, string> = {};
beforeAll(async () => {
  api = await openServedApi();
  home = await mkdtemp(join(tmpdir(), 'lorary-audit-'));
  await createTeam(api.world, 'blue', async () => undefined);
  await putReadyBase(api.world, 'blue', 'tiny');
  await storeDataset(api.world, api.caller(), 'letters', [{ prompt: 'a', completion: 'b' }]);
  environment = { LORARY_DATA: home, LORARY_URL: api.url, LORARY_KEY: await api.key('blue') };
  const client = await api.client('blue', { scopes: ['adapters:write'] });
  await client.call(createAdapter, { body: { name: 'french', base: 'tiny' } });
  await client.call(eraseDataset, { params: { dataset: 'letters' } }).catch(() => undefined);
});
afterAll(async () => {
  await api.close();
  await rm(home, { recursive: true, force: true });
});

const run = (command: RunCommand, ...words: string[]) => runTyped(command, environment, words);

test('the audit is a table, a line of JSON for each row, or CSV', async () => {
  expect((await run(audit)).out).toMatch(/adapter\.create +adapters\/french/);
  expect((await run(audit, '--denied')).out).toMatch(/DENIED eraseDataset +\/v1\/datasets\/letters\/erase/);
  const { out } = await run(audit, '--resource', 'adapters/french', '--json');
  const rows = out.split('\n').map((line) => JSON.parse(line) as object);
  expect(rows).toMatchObject([
    { action: 'adapter.create', operation: 'createAdapter', keyId: expect.any(String) as string },
  ]);
  const csv = (await run(audit, '--denied', '--csv')).out.split('\n');
  expect(csv).toHaveLength(2);
  expect(csv[1]).toMatch(/^[^,]+,denied,eraseDataset,\/v1\/datasets\/letters\/erase,/);
  expect(await run(audit, '--day', '2020-01-01')).toMatchObject({ out: '', err: 'There is nothing in that time.' });
  await expect(run(audit, '--csv', '--json')).rejects.toMatchObject({ code: 'usage' });
});

test('verify says what is sealed, and fails when a row was changed', async () => {
  expect(await run(auditVerify)).toMatchObject({
    out: '',
    err: expect.stringMatching(/Nothing is sealed yet/) as string,
  });
  api.pass(3 * 3_600_000);
  await sealAudits(api.world);
  const good = await run(auditVerify);
  expect(good).toMatchObject({ code: 0, out: expect.stringMatching(/Next time: --seen 1:[0-9a-f]{64}$/) as string });
  const [, seen = ''] = /--seen (\S+)/.exec(good.out) ?? [];
  const key = join(home, 'key.json');
  await writeFile(key, JSON.stringify(await (await api.client()).call(getSigningKey, {})));
  expect((await run(auditVerify, '--key', key, '--seen', seen)).code).toBe(0);
  const partition = auditPartition('blue', new Date(api.world.now() - 3 * 3_600_000).toISOString().slice(0, 13));
  const [row] = (await api.world.table.query({ partition, limit: 1 })).records;
  if (!row) throw new Error('the hour has rows');
  await api.world.table.put({ key: row.key, value: { ...row.value, action: 'nothing.happened' } });
  expect(await run(auditVerify)).toMatchObject({
    code: 2,
    out: expect.stringMatching(/a row is not what was sealed/) as string,
  });
  expect((await run(auditVerify)).err).toMatch(/No key is trusted here: that of the server is believed/);
  const other = join(home, 'other.json');
  await writeFile(other, JSON.stringify(p256Signer().key));
  await run(keysTrust, other);
  expect(await run(auditVerify)).toMatchObject({
    out: expect.stringMatching(/which is not trusted/) as string,
    err: '',
  });
  await run(keysTrust);
  expect((await run(auditVerify)).out).not.toMatch(/which is not trusted/);
  await expect(run(auditVerify, '--seen', 'x')).rejects.toMatchObject({ code: 'usage' });
});

test('nothing is erased without --yes, which is told with what would go', async () => {
  expect((await run(lineage, '--data', 'letters', '--down')).out).toBe('dataset letters');
  await expect(run(dataErase, 'letters')).rejects.toThrow(/Nothing was erased.*--yes/);
  expect((await run(dataErase, 'letters', '--yes')).out).toMatch(/out of reach/);
  await expect(run(lineage, '--data', 'letters')).rejects.toMatchObject({ code: 'erased' });
  await expect(run(lineage)).rejects.toMatchObject({ code: 'usage' });
});
