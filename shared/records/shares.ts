import type { Share } from '../contract/shares.ts';
import { sharedRef, splitRef } from '../domain/adapter-ref.ts';
import { DomainError } from '../errors.ts';
import type { RecordTable, RecordWrite, World } from '../platform/ports.ts';
import { findAdapter, type AdapterRecord } from './adapters.ts';
import { auditWrite } from './audit.ts';
import type { Caller } from './caller.ts';
import { keys } from './keys.ts';
import type { Stored } from './stored.ts';

/**
 * The adapter that a team means by `NAME` or, where another team shares one with it, by `TEAM:NAME`; that one has this as its name, and its
 * own team. One read, whatever it finds: what is not shared is not there. To be read only: what changes an adapter finds it by `findAdapter`.
 */
export async function findReadable(
  table: RecordTable,
  team: string,
  ref: string,
): Promise<Stored<AdapterRecord> | undefined> {
  const { owner, name } = splitRef(ref);
  if (owner === undefined) return findAdapter(table, team, name);
  const found = await findAdapter(table, owner, name);
  if (!found || !sharesOf(found.value).has(team)) return undefined;
  return { ...found, value: { ...found.value, name: ref } };
}

/** Throws `DomainError('not-found')`. */
export async function getReadable(table: RecordTable, team: string, ref: string): Promise<Stored<AdapterRecord>> {
  const found = await findReadable(table, team, ref);
  if (!found) throw new DomainError('not-found', `There is no adapter "${ref}".`);
  return found;
}

/**
 * Whether an adapter is in the team's list of what others share with it, which is what a container may see: a hint for whoever asks on
 * behalf of that team. What lets anybody at bytes asks `getReadable`.
 */
export async function isListed(
  table: RecordTable,
  team: string,
  { adapter, adapterId }: { readonly adapter: string; readonly adapterId: string },
): Promise<boolean> {
  return (await table.get(keys.shared(team, adapter)))?.value['adapterId'] === adapterId;
}

/** Teams that an adapter is shared with, by name. */
export function sharesOf({ shares = {} }: Pick<AdapterRecord, 'shares'>): ReadonlyMap<string, Share> {
  const sorted = Object.entries(shares).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([team, share]) => [team, { team, ...share }]));
}

type Adapter = Pick<AdapterRecord, 'team' | 'name' | 'id'>;

/** What goes with a share in the adapter's record: it is listed for the other team, and told in its audit. */
export function beginShare(world: Pick<World, 'now' | 'randomBytes'>, caller: Caller, adapter: Adapter, team: string) {
  const { team: owner, name, id } = adapter;
  return [
    { put: { key: keys.shared(team, sharedRef(owner, name)), value: { adapterId: id } } },
    // it stays when the share has ended, for what was made meanwhile does, too
    { put: { key: keys.reached(owner, team), value: {} } },
    toldWrite(world, caller, 'adapter.given', adapter, team),
  ] satisfies RecordWrite[];
}

/** What goes with the end of one. */
export function endShare(world: Pick<World, 'now' | 'randomBytes'>, caller: Caller, adapter: Adapter, team: string) {
  const { team: owner, name } = adapter;
  return [
    { delete: keys.shared(team, sharedRef(owner, name)) },
    toldWrite(world, caller, 'adapter.taken', adapter, team),
  ] satisfies RecordWrite[];
}

/** The row of the other team. */
function toldWrite(
  world: Pick<World, 'now' | 'randomBytes'>,
  caller: Caller,
  action: string,
  { team: owner, name, id }: Adapter,
  team: string,
): RecordWrite {
  const change = { action, resource: `adapters/${sharedRef(owner, name)}`, detail: { id } };
  return auditWrite(world, caller, change, team);
}
