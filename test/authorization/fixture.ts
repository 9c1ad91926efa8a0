import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createAdapter } from '../../shared/contract/adapters.ts';
import { createDataset } from '../../shared/contract/datasets.ts';
import { createKey } from '../../shared/contract/keys.ts';
import type { JobRequest } from '../../shared/contract/job-requests.ts';
import type { JobState } from '../../shared/contract/jobs.ts';
import { completeUpload, type Upload } from '../../shared/contract/uploads.ts';
import { beginUpload } from '../../shared/contract/versions.ts';
import type { World } from '../../shared/platform/ports.ts';
import { newId } from '../../shared/records/commit.ts';
import { recordValue } from '../../shared/records/stored.ts';
import { jobWrites, newJob } from '../../shared/records/submit-job.ts';
import { addTeam } from '../support/add-team.ts';
import { openLocalApi, type LocalApi } from '../support/local-api.ts';
import { putMadeBase } from '../support/made-base.ts';
import { putReadyBase } from '../support/ready-base.ts';
import { announce, pushVersion, sendFiles, tinyAdapter } from '../support/send-upload.ts';

/** A world in which the team of `blue` has, or gets, everything that a call can be about. */
export interface CallFixture {
  readonly world: Pick<World, 'now'>;
  readonly blue: ApiClient;
  /** A new name of something that blue has, or will have. */
  name(): string;
  /** The same each time; `newBase` for one that is going to be deleted. */
  base(): Promise<string>;
  newBase(): Promise<string>;
  /** A base as a job publishes it, with its manifest. */
  madeBase(): Promise<string>;
  /** An adapter with this many published versions. */
  adapter(versions: number): Promise<string>;
  dataset(): Promise<string>;
  newDataset(): Promise<string>;
  /** An open upload of a version, whose parts are sent where `sent`. */
  upload(sent: boolean): Promise<Upload>;
  /** The id of a new key. */
  keyId(): Promise<string>;
  /** A team that is there and has nothing. */
  otherTeam(): Promise<string>;
  /** A job that evaluates, in this state. */
  job(state: JobState): Promise<string>;
}

/** The same in one process; the team `red` has nothing, and everything of blue's is called `blue-...`. */
export interface Fixture extends CallFixture {
  readonly api: LocalApi;
}

const rows = new TextEncoder().encode('{"prompt":"a","completion":"b"}\n{"prompt":"c","completion":"d"}\n');

export async function openFixture(): Promise<Fixture> {
  const api = await openLocalApi();
  return { api, ...callFixture(api, await api.client('blue')) };
}

/** Of a platform on any world. */
export interface FixturePlatform extends Pick<LocalApi, 'fetch' | 'settle' | 'caller'> {
  readonly world: World;
}

export function callFixture(api: FixturePlatform, blue: ApiClient): CallFixture {
  let names = 0;
  const name = (): string => `blue-${++names}`;
  const newBase = async (): Promise<string> => (await putReadyBase(api.world, 'blue', name())).name;
  const base = once(newBase);
  const newDataset = async (): Promise<string> => {
    const made = name();
    const [file] = announce({ 'data.jsonl': rows });
    if (!file) throw new Error('one file is announced');
    const { upload } = await blue.call(createDataset, { body: { name: made, file } });
    await sendFiles(api, blue, upload, { 'data.jsonl': rows });
    await blue.call(completeUpload, { params: { upload: upload.id } });
    await api.settle();
    return made;
  };
  const dataset = once(newDataset);
  return {
    world: api.world,
    blue,
    name,
    base,
    newBase,
    madeBase: () => putMadeBase(api.world, api.caller('blue'), name()),
    dataset,
    newDataset,
    async adapter(versions) {
      const made = name();
      await blue.call(createAdapter, { body: { name: made, base: await base() } });
      for (let seed = 1; seed <= versions; seed++)
        await pushVersion(api, blue, made, { base: await base(), files: await tinyAdapter(seed) });
      await api.settle();
      return made;
    },
    async upload(sent) {
      const files = await tinyAdapter();
      const call = { params: { adapter: name() }, body: { base: await base(), files: announce(files) } };
      const { upload } = await blue.call(beginUpload, call);
      if (sent) await sendFiles(api, blue, upload, files);
      return upload;
    },
    async keyId() {
      const { key } = await blue.call(createKey, { body: { name: name(), scopes: ['jobs:read'] } });
      return key.id;
    },
    otherTeam: once(() => addTeam(api.world, 'reader')),
    async job(state) {
      const request = { kind: 'evaluate', base: await base(), dataset: await dataset() };
      const job = newJob(api.world, api.caller('blue'), {
        kind: 'evaluate' satisfies JobRequest['kind'],
        request: recordValue(request),
      });
      await api.world.table.transact(jobWrites({ ...job, state }), { token: newId(api.world, 'tok') });
      return job.id;
    },
  };
}

/** Made when it is first asked for. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
