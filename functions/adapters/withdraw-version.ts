import { withdrawVersion as operation, type Version } from '../../shared/contract/versions.ts';
import { aliasesOf, latestAlias } from '../../shared/domain/alias-rules.ts';
import { mayBecome, newestUsable } from '../../shared/domain/version-states.ts';
import { DomainError } from '../../shared/errors.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import type { AdapterRecord } from '../../shared/records/adapters.ts';
import {
  findVersion,
  findVersionId,
  presentVersion,
  resolveVersion,
  versionWrite,
  type VersionRecord,
} from '../../shared/records/versions.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter, type AdapterChange } from './change-adapter.ts';
import { moveAlias } from './move-alias.ts';

/** A version that is withdrawn already stays as it is. */
export const withdrawVersion = handler(operation, async ({ world }, caller, { params, body }) =>
  changeAdapter(world, caller, params.adapter, async (adapter, at): Promise<AdapterChange<Version> | Unchanged> => {
    const { team, name, aliases } = adapter.value;
    const { version } = await resolveVersion(world.table, team, name, params.version);
    const { value } = version;
    if (value.state === 'withdrawn') return { unchanged: presentVersion(value, adapter.value) };
    if (!mayBecome(value.state, 'withdrawn') || value.version === null)
      throw new DomainError('not-published', `This version is ${value.state}: only what was published is withdrawn.`);
    refuseAliased(aliasesOf(aliases, value.version), value.version);
    const withdrawn: VersionRecord = { ...value, state: 'withdrawn', withdrawnAt: at, withdrawnBecause: body.reason };
    const change = {
      action: 'version.withdraw',
      resource: `adapters/${name}/versions/${value.id}`,
      detail: { version: value.version, reason: body.reason },
    };
    const write = versionWrite(withdrawn, version.revision);
    if (aliases[latestAlias] !== value.version)
      return {
        change,
        after: adapter.value,
        writes: [write],
        result: ({ value: now }) => presentVersion(withdrawn, now),
      };
    const before = (await newestUsable(olderVersions(world.table, adapter.value, value.version))) ?? null;
    const moved = await moveAlias(world, caller, adapter, latestAlias, before, at, change.action);
    return {
      ...moved,
      change: { ...change, detail: { ...change.detail, latest: { from: value.version, to: before } } },
      writes: [write, ...moved.writes],
      result: ({ value: now }) => presentVersion(withdrawn, now),
    };
  }),
);

interface Unchanged {
  readonly unchanged: Version;
}

function refuseAliased(aliases: readonly string[], version: number): void {
  if (aliases.length === 0) return;
  const findings = aliases.map((alias) => ({
    severity: 'error' as const,
    code: 'still-aliased',
    message: `it points to version ${version}: point it elsewhere, or remove it`,
    where: alias,
  }));
  throw new DomainError('still-aliased', `Version ${version} is still pointed to by ${aliases.join(', ')}.`, {
    findings,
  });
}

async function* olderVersions(
  table: RecordTable,
  adapter: AdapterRecord,
  below: number,
): AsyncGenerator<VersionRecord> {
  for (let number = below - 1; number >= 1; number--) {
    const id = await findVersionId(table, adapter, number);
    const found = id === undefined ? undefined : await findVersion(table, adapter.team, id);
    if (found) yield found.value;
  }
}
