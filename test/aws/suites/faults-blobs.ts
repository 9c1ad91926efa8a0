import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { receiveFiles } from '../../../cli/transfers/receive-files.ts';
import { defaultPace } from '../../../shared/aws/attempts.ts';
import { environmentNames } from '../../../shared/aws/environment.ts';
import { S3Blobs } from '../../../shared/aws/s3-blobs.ts';
import { getBase, listBaseFiles } from '../../../shared/contract/bases.ts';
import { getDatasetFile } from '../../../shared/contract/datasets.ts';
import { createJob, type Job } from '../../../shared/contract/jobs.ts';
import { limits } from '../../../shared/limits.ts';
import { failureOf } from '../../platform-suite/suite.ts';
import { writeRandomBase } from '../../support/random-base.ts';
import { pushVersion, tinyAdapter } from '../../support/send-upload.ts';
import { storeBase } from '../../support/stored-things.ts';
import { tinyBaseConfig, writeTinyBase } from '../../support/tiny-base.ts';
import { blobOperation, slowDown } from '../aws-refusals.ts';
import { openFaultWorld, sendDataset, type FaultWorld } from '../fault-world.ts';
import type { Fault, PassingRequest, Plan } from '../faulty-proxy.ts';
import { testClients } from '../test-clients.ts';

const busy: Fault = { answer: slowDown() };
/** Joining parts takes long, so S3 may promise success and then say otherwise. */
const promised: Fault = { answer: slowDown({ status: 200, code: 'InternalError' }) };

/** What each kind of request meets, one after the other, for each object and part of its own. */
const troubles: Readonly<Record<string, readonly Fault[]>> = {
  CreateMultipartUpload: [busy],
  UploadPart: [busy, 'request cut', 'answer lost'],
  ListParts: [busy, 'answer cut'],
  CompleteMultipartUpload: [busy, promised, 'answer lost'],
  PutObject: ['request cut', busy, 'answer lost'],
  GetObject: ['answer cut', busy, 'answer cut'],
  'HEAD object': [{ answer: { ...slowDown(), body: '' } }],
};

/** Meets requests about keys with this in them. */
function troubled(part: string): Plan {
  const met = new Map<string, number>();
  return (request) => {
    const { pathname, searchParams } = new URL(request.url, 'http://s3');
    if (!pathname.includes(part)) return undefined;
    const operation = blobOperation(request);
    const name = [operation, pathname, searchParams.get('partNumber')].join(' ');
    const count = met.get(name) ?? 0;
    met.set(name, count + 1);
    return troubles[operation]?.[count];
  };
}

const isPart = (request: Omit<PassingRequest, 'body'>, number: number): boolean =>
  request.method === 'PUT' && new URL(request.url, 'http://s3').searchParams.get('partNumber') === String(number);

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('faults', () => {
  let world: FaultWorld;
  let s3: S3Client;
  let bucket = '';
  beforeAll(async () => {
    world = await openFaultWorld();
    const none = 'http://127.0.0.1:9';
    s3 = testClients({ dynamo: none, s3: world.blobs.url, batch: none, events: none }).s3;
    bucket = world.platform.environment[environmentNames.bucket] ?? '';
    await storeWideBase();
  });
  afterAll(async () => {
    s3.destroy();
    await world.close();
  });

  /** A base whose weights go to the store in three parts, and an adapter of it. */
  async function storeWideBase(): Promise<void> {
    const { platform, client } = world;
    const folder = join(world.folder, 'wide');
    await writeTinyBase(folder);
    await writeRandomBase(folder, { ...tinyBaseConfig, intermediate_size: 130_000 });
    await storeBase(platform.world, platform.caller(), 'wide', folder);
    await pushVersion(platform, client, 'narrow', { base: 'wide', files: await tinyAdapter(1, 24) });
    await platform.settle();
  }

  const merge = async (base: string): Promise<string> =>
    (await world.client.call(createJob, { body: { kind: 'merge', adapter: 'narrow', output: { base } } })).job?.id ??
    '';

  async function openUploads(): Promise<string[]> {
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return Uploads.map(({ Key = '' }) => Key);
  }

  async function versionsOf(prefix: string): Promise<string[]> {
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }));
    return Versions.map(({ Key = '' }) => Key);
  }

  /** A merged base, every byte of it as its job has hashed it before it was sent. */
  async function expectWhole(base: string): Promise<void> {
    const { files } = await world.client.call(listBaseFiles, { params: { base } });
    expect(files.map(({ path }) => path)).toContain('model.safetensors');
    for (const { url, sha256: hash, sizeBytes } of files) {
      const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
      expect([bytes.byteLength, sha256(bytes)]).toEqual([sizeBytes, hash]);
    }
  }

  const rows = Array.from({ length: 42 }, (_, i) => ({ prompt: `${i}`, completion: String(i % 10).repeat(800_000) }));

  test('blobs: a file that is sent and fetched while S3 slows down, answers by half and breaks off arrives as it was, once', async () => {
    const { platform, client, blobs, folder } = world;
    blobs.plan = troubled('/datasets/');
    let cuts = 2;
    blobs.cutAfter = (head) => (isPart(head, 2) && cuts-- > 0 ? 5_000_000 : undefined);
    const dataset = await sendDataset(world, 'large', rows);
    expect(dataset).toMatchObject({ state: 'ready', rows: rows.length });
    const get = () => client.call(getDatasetFile, { params: { dataset: 'large' } });
    const target = join(folder, 'fetched');
    await receiveFiles(target, [await get()], { renew: async () => [await get()], wait: async () => undefined });
    blobs.plan = () => undefined;
    expect(blobs.met).toMatchObject({ 'body cut': 2 });
    const sent = await readFile(join(folder, 'large.jsonl'));
    const { path } = await get();
    expect(sha256(await readFile(join(target, path)))).toBe(sha256(sent));
    expect(dataset.sha256).toBe(sha256(sent));
    expect(await openUploads()).toEqual([]);
    expect(await versionsOf('blue/datasets/')).toHaveLength(2); // with that of `sums`
    expect(platform.batch.jobs).toEqual([]);
  });

  test('blobs: bytes that were changed on the way are not taken, here or there, and this is seen', async () => {
    const { client, blobs, folder } = world;
    const flipped = (body: Buffer): Buffer => {
      const other = Buffer.from(body);
      other[1000] = (other[1000] ?? 0) ^ 1;
      return other;
    };
    blobs.plan = (request) => (blobOperation(request) === 'GetObject' ? { altered: flipped } : undefined);
    const file = await client.call(getDatasetFile, { params: { dataset: 'large' } });
    const wait = async (): Promise<void> => undefined;
    const fetched = receiveFiles(join(folder, 'flipped'), [file], { wait });
    await expect(fetched).rejects.toThrow(/is not what its SHA-256 says/);
    blobs.plan = (request) =>
      blobOperation(request) === 'UploadPart' ? { instead: flipped(request.body) } : undefined;
    await expect(sendDataset(world, 'flipped', rows.slice(0, 1))).rejects.toMatchObject({ code: 'changed-meanwhile' });
    blobs.plan = () => undefined;
  });

  test('blobs: what a job publishes in parts while S3 slows down and breaks off is whole, and there once', async () => {
    const { platform, client, blobs } = world;
    const before = await openUploads();
    blobs.plan = troubled('/bases/');
    const done = await platform.waitFor(client, await merge('merged'));
    blobs.plan = () => undefined;
    expect(done).toMatchObject({ state: 'succeeded', attempt: 1, output: { base: 'merged' } });
    await expectWhole('merged');
    expect(await openUploads()).toEqual(before);
    const { id } = await client.call(getBase, { params: { base: 'merged' } });
    const weights = `blue/bases/${id}/files/model.safetensors`;
    expect((await versionsOf(weights)).filter((key) => key === weights)).toHaveLength(1);
  });

  test('blobs: a publication that is killed, and then breaks off for good, shows nothing of it, and is done in the end', async () => {
    const { platform, client, blobs } = world;
    const before = await openUploads();
    let isKilled = false;
    blobs.plan = (request) => {
      if (!isPart(request, 2) || !request.url.includes('/bases/')) return undefined;
      if (isKilled) return busy;
      isKilled = true;
      platform.batch.jobs.findLast(({ detail }) => detail.status === 'RUNNING')?.reclaim();
      return 'silence';
    };
    const jobId = await merge('late');
    const isStopped = ({ attempt, state }: Job): boolean => attempt === 3 && state === 'queued';
    await platform.waitFor(client, jobId, isStopped);
    expect(await failureOf(client.call(getBase, { params: { base: 'late' } }))).toMatchObject({ code: 'not-found' });
    blobs.plan = () => undefined;
    // the upload of the container that was killed; the bucket drops it after some days (`test/infra/data-stack.test.ts`)
    const [left = '', ...more] = (await openUploads()).filter((key) => !before.includes(key));
    expect([left.startsWith('blue/bases/'), more]).toEqual([true, []]);
    expect(await platform.waitFor(client, jobId)).toMatchObject({ state: 'succeeded', attempt: 3 });
    await expectWhole('late');
  });

  test('blobs: where nothing is tried again a slow-down breaks an upload off; nothing of it is left, and this is seen', async () => {
    const path = join(world.folder, 'two-parts');
    await writeFile(path, randomBytes(limits.awsTransferBytes + 1));
    const before = await openUploads();
    const place = { client: s3, bucket, now: Date.now, randomBytes };
    const hasty = new S3Blobs({ ...place, pace: { ...defaultPace, triesMax: 1 } });
    world.blobs.plan = troubled('/once/');
    expect(await failureOf(hasty.putFile('blue/once/hasty', path))).toMatchObject({ name: 'UnavailableError' });
    world.blobs.plan = (request) => (isPart(request, 2) ? busy : undefined);
    expect(await failureOf(hasty.putFile('blue/once/hasty', path))).toMatchObject({ name: 'UnavailableError' });
    expect(await versionsOf('blue/once/')).toEqual([]);
    expect(await openUploads()).toEqual(before);
    world.blobs.plan = troubled('/once/');
    await new S3Blobs({ ...place, pace: defaultPace }).putFile('blue/once/patient', path);
    world.blobs.plan = () => undefined;
    expect(await versionsOf('blue/once/')).toEqual(['blue/once/patient']);
  });
});
