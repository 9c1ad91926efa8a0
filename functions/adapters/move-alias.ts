import type { World } from '../../shared/platform/ports.ts';
import type { AdapterRecord } from '../../shared/records/adapters.ts';
import { aliasWrites, findAlias } from '../../shared/records/aliases.ts';
import type { Caller } from '../../shared/records/caller.ts';
import type { Change } from '../../shared/records/commit.ts';
import type { Stored } from '../../shared/records/stored.ts';
import type { AdapterChange } from './change-adapter.ts';
import { presentAlias, type Alias } from './present-alias.ts';

/** What it takes to point an alias to a version, or with null to remove it. */
export async function moveAlias(
  world: Pick<World, 'table'>,
  caller: Caller,
  { value }: Stored<AdapterRecord>,
  alias: string,
  version: number | null,
  at: string,
  action: Change['action'],
): Promise<AdapterChange<Alias>> {
  const before = await findAlias(world.table, value, alias);
  const step = { alias, version, updatedAt: at, updatedBy: caller.keyId };
  const { [alias]: from, ...others } = value.aliases;
  return {
    change: {
      action,
      resource: `adapters/${value.name}/aliases/${alias}`,
      detail: { from: from ?? null, to: version },
    },
    after: { ...value, aliases: version === null ? others : { ...others, [alias]: version } },
    writes: aliasWrites(value, step, before),
    result: () => presentAlias({ value: step, revision: (before?.revision ?? 0) + 1 }),
  };
}
