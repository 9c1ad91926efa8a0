import { inspect } from '../shared/upload-validation/inspect.ts';
import { createAdapter } from '../shared/contract/adapters.ts';
import { beginUpload } from '../shared/contract/versions.ts';
import { createKey } from '../shared/contract/keys.ts';
import type { ApiClient } from '../shared/contract/api-client.ts';
import type { World } from '../shared/platform/ports.ts';
import { getAdapterRecord } from '../shared/records/adapters.ts';
import { baseFacts } from '../shared/records/base-facts.ts';
import { requireReadyBase } from '../shared/records/bases.ts';
import { blobKeys } from '../shared/records/blob-keys.ts';
import { blobSource } from '../shared/records/blob-source.ts';
import type { Caller } from '../shared/records/caller.ts';
import { newId } from '../shared/records/commit.ts';
import { chunkWrite, type StreamContent } from '../shared/records/job-stream.ts';
import { publishVersion, type VersionOutcome } from '../shared/records/publish-version.ts';
import { recordValue } from '../shared/records/stored.ts';
import type { StoredFile } from '../shared/records/stored-file.ts';
import { jobWrites, newJob } from '../shared/records/submit-job.ts';
import { versionOutcome } from '../shared/records/version-outcome.ts';
import { newVersion, versionWrite } from '../shared/records/versions.ts';
import { once, type CallFixture } from '../test/authorization/fixture.ts';
import { addTeam } from '../test/support/add-team.ts';
import { putMadeBase } from '../test/support/made-base.ts';
import { putReadyBase } from '../test/support/ready-base.ts';
import { announce, sendFiles, sha256Hex, tinyAdapter } from '../test/support/send-upload.ts';
import { storeDataset } from '../test/support/stored-things.ts';

/**
 * What the calls are about, in a world that a server serves. What a validator or a job would make is written at once, since only the
 * calls are timed.
 */
export function thingsToCall(world: World, client: ApiClient, caller: Caller): CallFixture {
  const { team } = caller;
  let names = 0;
  const name = (): string => `bench-${++names}`;
  const newBase = async (): Promise<string> => (await putReadyBase(world, team, name())).name;
  const base = once(newBase);
  const version = once(async () => checkedVersion(world, team, await base()));
  const newDataset = (): Promise<string> => putDataset(world, caller, name());
  const dataset = once(newDataset);
  return {
    world,
    blue: client,
    name,
    base,
    newBase,
    madeBase: () => putMadeBase(world, caller, name()),
    dataset,
    newDataset,
    async adapter(versions) {
      const made = name();
      await client.call(createAdapter, { body: { name: made, base: await base() } });
      for (let i = 0; i < versions; i++) {
        const { files, outcome } = await version();
        const { value: adapter } = await getAdapterRecord(world.table, team, made);
        const draft = newVersion(world, caller, adapter, {
          state: 'validating',
          files: [...files],
          lineage: { origin: 'upload' },
          notes: '',
          promote: [],
        });
        await world.table.transact([versionWrite(draft)], { token: newId(world, 'tok') });
        await publishVersion(world, caller, draft.id, outcome);
      }
      return made;
    },
    async upload(sent) {
      const files = await tinyAdapter();
      const call = { params: { adapter: name() }, body: { base: await base(), files: announce(files) } };
      const { upload } = await client.call(beginUpload, call);
      if (sent) await sendFiles({ fetch: async (url, init) => fetch(url, init) }, client, upload, files);
      return upload;
    },
    async keyId() {
      const { key } = await client.call(createKey, { body: { name: name(), scopes: ['jobs:read'] } });
      return key.id;
    },
    otherTeam: once(() => addTeam(world, 'reader')),
    async job(state) {
      const request = recordValue({ kind: 'evaluate', base: await base(), dataset: await dataset() });
      const job = newJob(world, caller, { kind: 'evaluate', request });
      const at = { at: job.createdAt, attempt: 1 };
      const said = chunkWrite({ team, jobId: job.id, firstId: 2 }, at, saidByJob);
      await world.table.transact([...jobWrites({ ...job, state }), said], { token: newId(world, 'tok') });
      return job.id;
    },
  };
}

/** A hundred steps, as many lines of a log and some samples. */
const saidByJob: readonly StreamContent[] = Array.from({ length: 100 }, (_, step): StreamContent[] => [
  {
    type: 'step',
    step,
    steps: 100,
    epoch: 0,
    loss: 1,
    learningRate: 1e-4,
    gradientNorm: 1,
    secondsLeft: 1,
    tokensPerSecond: 1,
  },
  { type: 'log', text: `step ${step} of 100, which went as steps go` },
  ...(step % 25 === 0 ? [{ type: 'sample', step, prompt: 'Once', text: ' upon a time' } as const] : []),
]).flat();

/** Files that versions can share, since a content never changes, and what the validator says of them. */
async function checkedVersion(
  world: World,
  team: string,
  base: string,
): Promise<{ readonly files: readonly StoredFile[]; readonly outcome: VersionOutcome }> {
  const files: StoredFile[] = [];
  for (const [path, bytes] of Object.entries(await tinyAdapter())) {
    const { key, versionId } = await world.blobs.put(blobKeys.versionFile(team, 'bench', path), bytes);
    files.push({ path, sizeBytes: bytes.byteLength, sha256: sha256Hex(bytes), blob: { key, versionId } });
  }
  const { value } = await requireReadyBase(world.table, team, base);
  const report = await inspect(
    { kind: 'adapter', base: await baseFacts(world, value) },
    files.map((file) => blobSource(world, file)),
  );
  if (report.kind !== 'adapter' || !report.validation.ok) throw new Error('the adapter of the bench is not sound');
  return { files, outcome: versionOutcome(report.validation, report.engines) };
}

async function putDataset(world: World, caller: Caller, name: string): Promise<string> {
  const messages = [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Good day to you.' },
  ];
  await storeDataset(
    world,
    caller,
    name,
    Array.from({ length: 100 }, () => ({ messages })),
    'messages',
  );
  return name;
}
