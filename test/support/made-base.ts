import type { World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { newId } from '../../shared/records/commit.ts';
import { manifestWrite } from '../../shared/records/manifests.ts';
import { putReadyBase } from './ready-base.ts';

/** A base with a manifest, as one that a job has made. Resolves to its name. */
export async function putMadeBase(world: World, caller: Caller, given: string): Promise<string> {
  const { team, id, name, lineage, files, createdAt: at } = await putReadyBase(world, caller.team, given);
  const write = await manifestWrite(world, caller, { kind: 'base', team, name, id, lineage, files, at });
  await world.table.transact([write], { token: newId(world, 'tok') });
  return name;
}
