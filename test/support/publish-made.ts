import { createHash } from 'node:crypto';
import type { Lineage } from '../../shared/contract/versions.ts';
import type { World } from '../../shared/platform/ports.ts';
import { adapterWrite, findAdapter, newAdapter, type AdapterRecord } from '../../shared/records/adapters.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import { publishVersion } from '../../shared/records/publish-version.ts';
import { newVersion, versionWrite, type VersionRecord } from '../../shared/records/versions.ts';
import { soundOutcome } from './version-outcome.ts';

/** A published version of one small file, made as a job says that it was; its adapter is made where there is none. */
export async function publishMade(
  world: World,
  caller: Caller,
  { adapter: name, base, lineage }: { readonly adapter: string; readonly base: string; readonly lineage: Lineage },
): Promise<VersionRecord> {
  const adapter =
    (await findAdapter(world.table, caller.team, name))?.value ?? (await addAdapter(world, caller, name, base));
  const draft = newVersion(world, caller, adapter, { state: 'validating', files: [], lineage, notes: '', promote: [] });
  const bytes = Buffer.from(`${draft.id} of ${name}`);
  const path = 'adapter_model.safetensors';
  const { key, versionId } = await world.blobs.put(blobKeys.versionFile(caller.team, draft.id, path), bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const files = [{ path, sizeBytes: bytes.length, sha256, blob: { key, versionId } }];
  await world.table.transact([versionWrite({ ...draft, files })], { token: newId(world, 'tok') });
  return publishVersion(world, caller, draft.id, soundOutcome);
}

/** How a version is named by what is made of it. */
export function parentOf({ adapter, id, version }: VersionRecord): NonNullable<Lineage['parents']>[number] {
  return { adapter, versionId: id, version: version ?? 0 };
}

async function addAdapter(world: World, caller: Caller, name: string, base: string): Promise<AdapterRecord> {
  const adapter = newAdapter(world, caller, { name, base, description: '', tags: [] });
  await world.table.transact([adapterWrite(adapter)], { token: newId(world, 'tok') });
  return adapter;
}
