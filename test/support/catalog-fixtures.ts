import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../../shared/platform/ports.ts';
import { adapterWrite, findAdapter, newAdapter, type AdapterRecord } from '../../shared/records/adapters.ts';
import { baseWrite, type BaseRecord } from '../../shared/records/bases.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import { datasetWrite } from '../../shared/records/datasets.ts';
import { publishVersion } from '../../shared/records/publish-version.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { newVersion, versionWrite, type VersionRecord } from '../../shared/records/versions.ts';
import { soundOutcome, unusableOutcome } from './version-outcome.ts';

/** What imports, validators and jobs would have made of these folders, written without them. */

export async function addBase(
  world: World,
  caller: Caller,
  name: string,
  folder: string,
  given: Partial<BaseRecord> = {},
): Promise<BaseRecord> {
  const id = newId(world, 'bas');
  const files = await storeFolder(world, folder, (path) => blobKeys.baseFile(caller.team, id, path));
  const tensors = { tensors: [{ name: 'model.norm.weight', dtype: 'F32', shape: [16] }] };
  const { key, versionId } = await world.blobs.put(
    blobKeys.baseTensors(caller.team, id),
    new TextEncoder().encode(JSON.stringify(tensors)),
  );
  const base: BaseRecord = {
    id,
    team: caller.team,
    name,
    state: 'ready',
    description: '',
    architecture: 'LlamaForCausalLM',
    parameters: 1,
    contextTokens: 128,
    dtypes: ['F32'],
    hasChatTemplate: true,
    files,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    sha256: 'b'.repeat(64),
    source: { kind: 'local' },
    lineage: { origin: 'import' },
    findings: [],
    createdAt: new Date(world.now()).toISOString(),
    createdBy: caller.keyId,
    tensors: { key, versionId },
    uploadId: null,
    ...given,
  };
  await write(world, [baseWrite(base)]);
  return base;
}

/** A published version; the adapter is made where there is none. */
export async function addVersion(
  world: World,
  caller: Caller,
  given: { readonly adapter: string; readonly base: string; readonly folder: string; readonly usable?: boolean },
): Promise<VersionRecord> {
  const adapter = await adapterOf(world, caller, given.adapter, given.base);
  const draft = newVersion(world, caller, adapter, {
    state: 'validating',
    files: [],
    lineage: { origin: 'upload' },
    notes: '',
    promote: [],
  });
  const files = await storeFolder(world, given.folder, (path) => blobKeys.versionFile(caller.team, draft.id, path));
  await write(world, [versionWrite({ ...draft, files })]);
  return publishVersion(world, caller, draft.id, given.usable === false ? unusableOutcome : soundOutcome);
}

export async function addDataset(world: World, caller: Caller, name: string, text: string): Promise<void> {
  const id = newId(world, 'dat');
  const key = blobKeys.datasetFile(caller.team, id);
  const file = await store(world, 'data.jsonl', key, new TextEncoder().encode(text));
  const dataset = {
    id,
    team: caller.team,
    name,
    state: 'ready' as const,
    description: '',
    sizeBytes: file.sizeBytes,
    sha256: file.sha256,
    format: 'messages' as const,
    rows: 1,
    findings: [],
    createdAt: new Date(world.now()).toISOString(),
    createdBy: caller.keyId,
    file,
    uploadId: newId(world, 'upl'),
  };
  await write(world, [datasetWrite(dataset)]);
}

async function adapterOf(world: World, caller: Caller, name: string, base: string): Promise<AdapterRecord> {
  const known = await findAdapter(world.table, caller.team, name);
  if (known) return known.value;
  const adapter = newAdapter(world, caller, { name, base, description: '', tags: [] });
  await write(world, [adapterWrite(adapter)]);
  return adapter;
}

async function storeFolder(world: World, folder: string, keyOf: (path: string) => string): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const path of (await readdir(folder)).toSorted())
    if ((await stat(join(folder, path))).isFile())
      files.push(await store(world, path, keyOf(path), await readFile(join(folder, path))));
  return files;
}

async function store(world: World, path: string, key: string, bytes: Uint8Array): Promise<StoredFile> {
  const { versionId } = await world.blobs.put(key, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path, sizeBytes: bytes.length, sha256, blob: { key, versionId } };
}

async function write(world: World, writes: Parameters<World['table']['transact']>[0]): Promise<void> {
  await world.table.transact(writes, { token: newId(world, 'tok') });
}
