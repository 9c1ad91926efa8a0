import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verify } from '../../../cli/commands/verify.ts';
import type { AdminAnswer } from '../../../functions/admin/administrate.ts';
import { getAdapter } from '../../../shared/contract/adapters.ts';
import type { ApiClient } from '../../../shared/contract/api-client.ts';
import { getJob, type Job } from '../../../shared/contract/jobs.ts';
import { getVersionManifest, type SignedManifest } from '../../../shared/contract/manifests.ts';
import { getVersion, listVersionFiles } from '../../../shared/contract/versions.ts';
import type { Caller } from '../../../shared/records/caller.ts';
import { newId } from '../../../shared/records/commit.ts';
import { findDelivery } from '../../../shared/records/job-delivery.ts';
import { keys } from '../../../shared/records/keys.ts';
import { manifestFindings } from '../../../shared/signing/manifest.ts';
import { openFileSigner } from '../../../shared/local/file-signer.ts';
import { failureOf } from '../../platform-suite/suite.ts';
import { storeTrainingInputs, submitTraining } from '../../support/interrupted-training.ts';
import { publishMade } from '../../support/publish-made.ts';
import { runTyped } from '../../support/run-command.ts';
import { pushVersion, tinyAdapter } from '../../support/send-upload.ts';
import { tinyBaseConfig } from '../../support/tiny-base.ts';
import type { WireAnswer } from '../rights/gateway.ts';
import { openRightsPlatform, type RightsPlatform } from '../rights/rights-platform.ts';
import { readEndpoints, theTable } from '../targets.ts';

const endpoints = readEndpoints();
const [team, service] = ['blue', 'kms:Sign'];

let folder = '';
let platform: RightsPlatform;
let client: ApiClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-signing-'));
  const s3 = endpoints.blobs['versitygw'] ?? endpoints.blobs['given'] ?? '';
  const [events = '', signing = ''] = [endpoints.events, endpoints.keys].map((one) => Object.values(one)[0]);
  const { dynamo } = theTable(endpoints);
  platform = await openRightsPlatform({
    endpoints: { dynamo, s3, events, keys: signing },
    hubUrl: 'http://127.0.0.1:9',
  });
  const made = (await platform.functions.admin.invoke({ action: 'create-team', team })) as AdminAnswer; // as its handler says
  client = platform.client(made.ok && 'key' in made ? made.key : '');
  await storeTrainingInputs(platform.world, caller(), join(folder, 'tiny'));
});
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

const caller = (): Caller => ({ team, keyId: 'test', scopes: [], requestId: newId(platform.world, 'req') });
const push = async (adapter: string) =>
  pushVersion(platform, client, adapter, { files: await tinyAdapter(1, tinyBaseConfig.hidden_size) });
const reconcile = (): Promise<unknown> => platform.functions.reconciler.invoke({});

/** What KMS answers to what it does not do. */
const refusal = (name: string, status = 400): WireAnswer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': name },
  body: Buffer.from(JSON.stringify({ __type: name, message: 'refused by the test' })),
});

const outages: readonly [name: string, status: number][] = [
  ['ThrottlingException', 400],
  ['KMSInternalException', 500],
  ['AccessDeniedException', 400],
  ['DisabledException', 400],
];

/** What of a published version does not hold for somebody who has pinned the key. */
async function brokenPromises(adapter: string): Promise<string[]> {
  const { value } = (await platform.world.table.get(
    keys.manifest(team, (await client.call(getVersion, { params: { adapter, version: 'latest' } })).id),
  )) ?? { value: undefined };
  if (!value) return ['it is published and has no manifest'];
  const signed = value as unknown as SignedManifest; // written by what is looked at
  return manifestFindings(signed, [platform.signingKey]).map(({ message }) => message);
}

/** Nothing of a version is published: no number, no manifest, no alias. */
async function expectUnpublished(adapter: string, versionId: string): Promise<void> {
  const params = { adapter, version: versionId };
  expect(await client.call(getVersion, { params })).toMatchObject({ state: 'validating', version: null });
  expect(await client.call(getAdapter, { params: { adapter } })).toMatchObject({ aliases: {} });
  expect(await failureOf(client.call(getVersionManifest, { params }))).toMatchObject({ code: 'no-manifest' });
}

describe('faults', () => {
  test.each(outages)(
    'signing: while KMS answers %s, a version waits as it is; it is published, and signed, when the key signs',
    async (name, status) => {
      const adapter = `waits-${name.toLowerCase()}`;
      const stop = platform.meddleAlways({
        asker: 'validator',
        action: service,
        around: async () => refusal(name, status),
      });
      const { id } = await push(adapter);
      await platform.settle();
      await reconcile();
      await platform.settle();
      expect(platform.errors.splice(0).join()).toMatch(/validator failed/);
      await expectUnpublished(adapter, id);
      stop();
      await reconcile();
      await platform.settle();
      expect(await client.call(getVersion, { params: { adapter, version: 'latest' } })).toMatchObject({
        id,
        version: 1,
      });
      expect(await brokenPromises(adapter)).toEqual([]);
    },
  );

  test('signing: a signature whose answer is lost is asked for again, and the version has one', async () => {
    let signatures = 0;
    const counted = platform.meddleAlways({
      asker: 'validator',
      action: service,
      async around(pass) {
        const answer = await pass();
        return (signatures += 1) === 1 ? refusal('KMSInternalException', 500) : answer;
      },
    });
    await push('lost');
    await platform.settle();
    counted();
    expect(signatures).toBe(2);
    expect(await brokenPromises('lost')).toEqual([]);
  });

  test('signing: what a job has made waits, says why, and is published without being made again', async () => {
    const stop = platform.meddleAlways({
      asker: 'signer',
      action: service,
      around: async () => refusal('DisabledException'),
    });
    const jobId = await submitTraining(client, 'trained', 10);
    const job = (): Promise<Job> => client.call(getJob, { params: { job: jobId } });
    const waiting = await platform.until('a container that was told no', async () => {
      const now = await job();
      return now.reason.includes('DisabledException') && now;
    });
    expect(waiting).toMatchObject({ reason: expect.stringMatching(/alias\/lorary-dev of KMS does not sign/) });
    expect(['queued', 'running']).toContain(waiting.state);
    const made = await findDelivery(platform.world.table, team, jobId);
    expect(made?.files.length).toBeGreaterThan(0);
    expect(await client.call(getAdapter, { params: { adapter: 'trained' } })).toMatchObject({ aliases: {} });
    stop();
    const done = await platform.until('the end of the job', async () => {
      await reconcile();
      const now = await job();
      return now.state === 'succeeded' && now;
    });
    expect(done).toMatchObject({ output: { adapter: 'trained', version: 1 } });
    expect(await findDelivery(platform.world.table, team, jobId)).toEqual(made);
    expect(await brokenPromises('trained')).toEqual([]);
  });

  test('signing: a version that is published past the signer is seen', async () => {
    // the test's own world has none
    await publishMade(platform.world, caller(), { adapter: 'past', base: 'tiny', lineage: { origin: 'upload' } });
    expect(await brokenPromises('past')).toEqual([expect.stringMatching(/it is not signed/)]);
  });

  describe('signing: a folder and a pinned key are all that "lorary verify" needs:', () => {
    let signed: SignedManifest;
    const place = (): string => join(folder, 'back');
    const run = async (keyFile = 'key.json'): Promise<string> => {
      await writeFile(join(place(), 'manifest.lorary'), JSON.stringify(signed));
      const environment = { LORARY_DATA: folder, LORARY_URL: 'http://127.0.0.1:9' };
      const { code, out } = await runTyped(verify, environment, [place(), '--key', join(folder, keyFile)]);
      return `${code} ${out}`;
    };
    beforeAll(async () => {
      await push('back');
      await platform.settle();
      const params = { adapter: 'back', version: 'latest' };
      const { files } = await client.call(listVersionFiles, { params });
      await mkdir(place());
      for (const { path, url } of files)
        await writeFile(join(place(), path), Buffer.from(await (await fetch(url)).arrayBuffer()));
      await writeFile(join(folder, 'key.json'), JSON.stringify(platform.signingKey));
      await writeFile(
        join(folder, 'other.json'),
        JSON.stringify(await (await openFileSigner(join(folder, 'other.key'))).key()),
      );
      signed = await client.call(getVersionManifest, { params });
    });

    test('it is what was published', async () => {
      expect(await run()).toMatch(/^0 It is back@1/);
      expect(signed.signature?.algorithm).toBe(platform.signingKey.algorithm);
    });

    test('another key is not believed, though the manifest brings it along', async () => {
      const other = JSON.parse(await readFile(join(folder, 'other.json'), 'utf8')) as SignedManifest['key'];
      signed = { ...signed, key: other };
      expect(await run('other.json')).toMatch(/^2 .*is not trusted here/);
    });

    test('a byte of a file, of the signature and of what is signed', async () => {
      const path = join(place(), 'adapter_model.safetensors');
      const bytes = await readFile(path);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(path, bytes);
      expect(await run()).toMatch(/^2 adapter_model\.safetensors: its SHA-256/);
      const { signature, statement } = signed;
      if (!signature) throw new Error('it is signed');
      const value = Buffer.from(signature.value, 'base64');
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      signed = { ...signed, signature: { ...signature, value: value.toString('base64') } };
      expect(await run()).toContain('the signature is not one of what it says');
      signed = { ...signed, signature, statement: { ...statement, name: 'black' } };
      expect(await run()).toContain('the signature is not one of what it says');
    });
  });
});
