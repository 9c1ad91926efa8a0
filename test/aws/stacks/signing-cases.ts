import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateKeyCommand, DescribeKeyCommand, KMSClient, SignCommand, UpdateAliasCommand } from '@aws-sdk/client-kms';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { expect } from 'vitest';
import { openAwsWorld, type AwsWorld } from '../../../shared/aws/aws-world.ts';
import { createKmsSigner } from '../../../shared/aws/kms-signer.ts';
import type { Version } from '../../../shared/contract/versions.ts';
import type { StoredRecord } from '../../../shared/platform/ports.ts';
import { auditPartition } from '../../../shared/records/keys.ts';
import { newId } from '../../../shared/records/commit.ts';
import { failureOf } from '../../platform-suite/suite.ts';
import { writeTinyAdapter } from '../../support/tiny-adapter.ts';
import { makeSealDue } from '../rights/due.ts';
import { testClients } from '../test-clients.ts';
import { accountId, region } from '../targets.ts';
import { invoke } from './account.ts';
import { runSchedule } from './deliver-event.ts';
import { told } from './flow-cases.ts';
import type { Site, StackCase } from './site.ts';

const alias = 'alias/lorary-suite';
/** Nothing answers there. */
const offline = { LORARY_URL: 'http://127.0.0.1:9', LORARY_KEY: 'lry_0000000000000000_nothing' };

/** What is signed by the key of the stage, and what whoever has pinned it sees. */
export const signingCases: readonly StackCase[] = [
  {
    name: 'signing: the key is one of KMS on Ed25519, and the role of containers has no right to it',
    async run({ account: { kms, sts, endpoint } }) {
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: alias }));
      expect(KeyMetadata).toMatchObject({ KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY', Enabled: true });
      const RoleArn = `arn:aws:iam::${accountId}:role/lorary-suite-job`;
      const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'container' }));
      const credentials = {
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken ?? '',
      };
      const container = new KMSClient({ region, endpoint: endpoint.url, credentials, maxAttempts: 1 });
      const order = { KeyId: alias, Message: Buffer.from('x'), SigningAlgorithm: 'ED25519_SHA_512' } as const;
      expect(String(await failureOf(container.send(new SignCommand(order))))).toMatch(/AccessDenied/);
      await kms.send(new SignCommand(order));
    },
  },
  {
    name: 'signing: what was sent and what a job has made is shown to be what was published, without a server; a byte is seen',
    async run({ anna, running }) {
      expect(await anna.run(['keys', 'trust'])).toMatchObject({ code: 0, out: expect.stringContaining('(Ed25519)') });
      for (const [name, folder] of [
        ['sent@1', 'signed-sent'],
        ['sums@1', 'signed-sums'],
      ] as const) {
        expect(await anna.run(['pull', name, '--output', folder])).toMatchObject({ code: 0 });
        const verified = await anna.run(['verify', folder], offline);
        expect(verified.code, await told(running, verified.out + verified.err)).toBe(0);
      }
      expect((await anna.run(['verify', '--base', 'whole'])).out).toMatch(/^It is whole/);
      await changeByte(join(anna.folder, 'signed-sums', 'adapter_model.safetensors'));
      const changed = await anna.run(['verify', 'signed-sums'], offline);
      expect([changed.code, changed.out]).toEqual([
        2,
        expect.stringMatching(/adapter_model\.safetensors: its SHA-256/),
      ]);
    },
  },
  {
    name: 'signing: the function that signs for containers refuses a run whose job is over, and what is no order',
    async run({ account, running }) {
      const done = running.batch.jobs.find(({ isOver }) => isOver);
      const { job, team, run } = done?.detail.parameters ?? {};
      const manifest = JSON.parse('{"format":"lorary-manifest-1"}') as object;
      for (const order of [{ team, jobId: job, runId: run, manifest }, {}])
        expect(await invoke(account.lambda, 'lorary-suite-signer', order)).toMatchObject({
          ok: false,
          code: 'no-such-run',
        });
    },
  },
  {
    name: 'signing: an hour of the audit is sealed by the key; a row that is changed afterwards is seen, and one that is put back is not',
    async run(site) {
      const { account, anna } = site;
      const world = openStageWorld(site);
      try {
        await makeSealDue(world, { team: 'blue', keyId: 'test', scopes: [], requestId: newId(world, 'req') });
        await runSchedule(account);
        const verify = () => anna.run(['audit', 'verify']);
        const sound = await verify();
        expect(sound).toMatchObject({ code: 0, out: expect.stringMatching(/^1 rows of 1 hours/) });
        expect(sound.err).not.toContain('not signed');
        const { key, value } = await earlyRow(world);
        await world.table.put({ key, value: { ...value, resource: 'adapters/other' } });
        expect(await verify()).toMatchObject({ code: 2, out: expect.stringContaining('a row is not what was sealed') });
        await world.table.put({ key, value });
        expect(await verify()).toMatchObject({ code: 0 });
      } finally {
        await world.close();
      }
    },
  },
  {
    name: 'signing: a key that replaces another signs from then on, of another kind, too; what the first has signed is believed by who has pinned it',
    async run({ account: { kms }, anna, running }) {
      const first = await kms.send(new DescribeKeyCommand({ KeyId: alias }));
      const asked = new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
      const { KeyMetadata } = await kms.send(asked);
      await kms.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata?.KeyId }));
      const key = await createKmsSigner({ key: alias, client: kms }).key();
      expect(key.algorithm).toBe('ECDSA_P256_SHA256');
      await writeFile(join(anna.folder, 'second.json'), JSON.stringify(key));
      await writeTinyAdapter(join(anna.folder, 'folders', 'later'), { seed: 9 });
      const pushed = await anna.json<{ version: Version }>(['push', 'folders/later', '--base', 'tiny']);
      expect(pushed.version, await told(running, '')).toMatchObject({ state: 'published' });
      expect(await anna.run(['pull', 'later', '--output', 'signed-later'])).toMatchObject({ code: 0 });
      const unknown = await anna.run(['verify', 'signed-later'], offline);
      expect([unknown.code, unknown.out]).toEqual([2, expect.stringContaining('not trusted here')]);
      expect(await anna.run(['keys', 'trust', 'second.json'])).toMatchObject({ code: 0 });
      for (const folder of ['signed-later', 'signed-sent'])
        expect(await anna.run(['verify', folder], offline)).toMatchObject({ code: 0 });
      await kms.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: first.KeyMetadata?.KeyId }));
    },
  },
];

async function changeByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** What the stage keeps, as the owner of the account reaches it: past the platform. */
function openStageWorld({ account: { endpoint } }: Site): AwsWorld {
  const { url } = endpoint;
  return openAwsWorld({
    clients: testClients({ dynamo: url, s3: url, batch: url, events: url }),
    table: 'lorary-suite',
    bucket: `lorary-suite-${accountId}-${region}`,
    eventBus: 'lorary-suite',
    jobClasses: [],
    pathStyle: true,
  });
}

async function earlyRow(world: AwsWorld): Promise<StoredRecord> {
  const hour = new Date(world.now() - 2 * 3_600_000).toISOString().slice(0, 13);
  const { records } = await world.table.query({ partition: auditPartition('blue', hour), limit: 1 });
  const [row] = records;
  if (!row) throw new Error('there is a row');
  return row;
}
