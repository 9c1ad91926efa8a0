import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { Upload } from '../../shared/contract/uploads.ts';
import { beginUpload, getVersion, type Version } from '../../shared/contract/versions.ts';
import { UnavailableError } from '../../shared/errors.ts';
import type { PlatformEvent } from '../../shared/platform/ports.ts';
import { getUploadRecord, uploadWrite } from '../../shared/records/uploads.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { announce, sendFiles, tinyAdapter } from '../../test/support/send-upload.ts';
import { inspect, type Inspect } from '../../shared/upload-validation/inspect.ts';
import { remind } from './remind.ts';
import { validatorFunction } from './validator-function.ts';

let api: LocalApi;
let client: ApiClient;
let told: string[];
beforeEach(async () => {
  api = await openLocalApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue');
  told = [];
});
afterEach(() => api.close());

/** Everything has come and the upload is closed; nobody has looked at it. */
async function completed(): Promise<{ readonly version: Version; readonly upload: Upload }> {
  const files = await tinyAdapter();
  await client.call(createAdapter, { body: { name: 'style', base: 'tiny' } });
  const body = { base: 'tiny', files: announce(files) };
  const begun = await client.call(beginUpload, { params: { adapter: 'style' }, body });
  await sendFiles(api, client, begun.upload, files);
  const { value, revision } = await getUploadRecord(api.world.table, 'blue', begun.upload.id);
  await api.world.table.transact([uploadWrite({ ...value, state: 'completed' }, revision)], { token: value.id });
  return begun;
}

function validatorWith(inspected: Inspect) {
  const logger = { error: (message: string) => void told.push(message) };
  const metrics = {
    addMetric: (name: string) => void told.push(name),
    hasStoredMetrics: () => true,
    publishStoredMetrics: () => told.push('published'),
  };
  return validatorFunction({ deps: { world: api.world, inspect: inspected }, logger, metrics });
}

const eventOf = ({ id }: Upload): { readonly detail: PlatformEvent } => ({
  detail: { type: 'upload-completed', team: 'blue', uploadId: id },
});
const stateOf = async ({ id }: Version): Promise<string> =>
  (await client.call(getVersion, { params: { adapter: 'style', version: id } })).state;

test('gives up on what fails three times through no fault of its own, and says so', async () => {
  const { version, upload } = await completed();
  const failing = validatorWith(() => Promise.reject(new Error('a bug')));
  await expect(failing(eventOf(upload))).rejects.toThrow('a bug');
  expect(told.filter((name) => name === 'Failures')).toHaveLength(3);
  expect(told.at(-1)).toBe('published');
  expect(await stateOf(version)).toBe('rejected');
});

test('leaves what it could not look at to the next call, which publishes it', async () => {
  const { version, upload } = await completed();
  const away = validatorWith(() => Promise.reject(new UnavailableError('the store is away')));
  await expect(away(eventOf(upload))).rejects.toThrow(UnavailableError);
  expect(told).toContain('Unavailable');
  expect(await stateOf(version)).toBe('validating');
  await validatorWith(inspect)(eventOf(upload));
  expect(await stateOf(version)).toBe('published');
});

test('an upload whose event was lost is named again until it is settled', async () => {
  const { upload } = await completed();
  const events: PlatformEvent[] = [];
  const world = {
    ...api.world,
    events: { publish: (event: PlatformEvent) => Promise.resolve(void events.push(event)) },
  };
  await remind(world);
  expect(events).toEqual([eventOf(upload).detail]);
  await validatorWith(inspect)(eventOf(upload));
  await remind(world);
  expect(events).toHaveLength(1);
});
