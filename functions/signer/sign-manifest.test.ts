import { afterAll, beforeAll, expect, test } from 'vitest';
import { listJobs } from '../../shared/contract/jobs.ts';
import type { Manifest } from '../../shared/contract/manifests.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { submitJob } from '../../shared/records/submit-job.ts';
import { statementBytes, statementOf } from '../../shared/signing/manifest.ts';
import { isSignedBy } from '../../shared/signing/signatures.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { pushVersion, tinyAdapter } from '../../test/support/send-upload.ts';
import { signManifest } from './sign-manifest.ts';

let api: LocalApi;
let trains: JobRecord;
let merges: JobRecord;
beforeAll(async () => {
  api = await openLocalApi({ jobAboveBytes: 1 });
  trains = await submit('train', { versionId: 'ver_1' });
  merges = await submit('merge', { baseId: 'bas_1' });
});
afterAll(() => api.close());

const submit = (kind: 'train' | 'merge' | 'evaluate', makes: JobRecord['makes'] = {}): Promise<JobRecord> =>
  submitJob(api.world, api.caller(), { kind, request: { kind }, makes });

const manifestOf = (change: Partial<Manifest> = {}): Manifest => ({
  format: 'lorary-manifest-1',
  kind: 'adapter',
  team: 'blue',
  name: 'french',
  id: 'ver_1',
  publishedAt: '2026-11-30T00:00:00.000Z',
  publishedBy: 'job_1',
  madeWith: { release: '0.1.0', image: 'host/image@sha256:0' },
  lineage: { origin: 'train' },
  files: [{ path: 'a', sizeBytes: 1, sha256: '0'.repeat(64) }],
  // of a later release
  added: { by: 'a later release' },
  ...change,
});

const orderOf = ({ team, id, runId }: JobRecord, change: Partial<Manifest> = {}) => ({
  team,
  jobId: id,
  runId,
  manifest: manifestOf(change),
});

/** Refused, and the signer was not asked. */
async function refused(order: unknown): Promise<string> {
  const sign = () => Promise.reject(new Error('it was asked'));
  const answer = await signManifest({ ...api.world, signer: { sign } }, order);
  if (answer.ok) throw new Error('it was signed');
  return answer.code;
}

test('refuses who does not have the job, and what is no order, alike', async () => {
  const sound = orderOf(trains);
  const { format: _, ...noManifest } = sound.manifest;
  for (const order of [
    { ...sound, runId: merges.runId },
    { ...sound, jobId: 'job_other' },
    { ...sound, team: 'red' },
    { ...sound, more: 1 },
    { ...sound, manifest: noManifest },
    null,
  ])
    expect(await refused(order)).toBe('no-such-run');
});

test('refuses what the job does not make, and the manifest of another team', async () => {
  for (const change of [{ id: 'ver_2' }, { kind: 'base' }, { team: 'red' }] as const)
    expect(await refused(orderOf(trains, change))).toBe('not-its-own');
  expect(await refused(orderOf(merges))).toBe('not-its-own');
  expect(await refused(orderOf(await submit('evaluate')))).toBe('not-its-own');
});

test('an outage of the key comes out as one, and a platform without a key says so', async () => {
  const sign = () => Promise.reject(new UnavailableError('The key does not sign.'));
  await expect(signManifest({ ...api.world, signer: { sign } }, orderOf(trains))).rejects.toThrow(UnavailableError);
  const { signer: _, ...without } = api.world;
  expect(await signManifest(without, orderOf(trains))).toMatchObject({ ok: false, code: 'nothing-signs' });
});

test.each([
  ['a version', () => orderOf(trains)],
  ['a base', () => orderOf(merges, { kind: 'base', id: 'bas_1' })],
])('signs the statement of what its job makes: %s', async (_, order) => {
  const answer = await signManifest(api.world, order());
  if (!answer.ok) throw new Error(answer.message);
  const { key, value } = answer;
  const signature = { keyId: key.keyId, algorithm: key.algorithm, value };
  const bytesOf = (manifest: Manifest) => statementBytes(statementOf(manifest));
  expect(isSignedBy(key, bytesOf(order().manifest), signature)).toBe(true);
  expect(isSignedBy(key, bytesOf({ ...order().manifest, name: 'german' }), signature)).toBe(false);
});

test('signs the version whose upload its job validates, and no other', async () => {
  const client = await api.client();
  await putReadyBase(api.world, 'blue');
  const { id } = await pushVersion(api, client, 'sent', { files: await tinyAdapter() });
  await api.settle();
  const [listed] = (await client.call(listJobs, { query: { kind: 'validate-upload' } })).items;
  const job = (await getJobRecord(api.world.table, 'blue', listed?.id ?? '')).value;
  expect(await signManifest(api.world, orderOf(job, { id }))).toMatchObject({ ok: true });
  expect(await refused(orderOf(job, { id: 'ver_1' }))).toBe('not-its-own');
  const request = { ...job.request, uploadId: 'upl_none' };
  const astray = await submitJob(api.world, api.caller(), { kind: 'validate-upload', request });
  expect(await refused(orderOf(astray, { id }))).toBe('not-its-own');
  const another = await submitJob(api.world, api.caller(), { kind: 'validate-upload', request: job.request });
  expect(await refused(orderOf(another, { id }))).toBe('not-its-own');
});

test('what a run had is worth nothing once its job has ended', async () => {
  await changeJobRecord(
    api.world,
    api.caller(),
    trains.id,
    { type: 'refuse', reason: 'a test' },
    { ifRun: trains.runId },
  );
  expect(await refused(orderOf(trains))).toBe('no-such-run');
});
