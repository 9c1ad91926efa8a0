import type { z } from 'zod';
import type { getVersionChecks, Version } from '../contract/versions.ts';
import { DomainError, invariant, UnavailableError, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import { ConditionError, type BlobRef, type JsonObject, type RecordWrite, type World } from '../platform/ports.ts';
import { adapterWrite, findAdapter, type AdapterRecord } from './adapters.ts';
import { aliasWrites, findAlias } from './aliases.ts';
import { findBase } from './bases.ts';
import { blobKeys } from './blob-keys.ts';
import type { Caller } from './caller.ts';
import { commit } from './commit.ts';
import { datasetRoots } from './dataset-roots.ts';
import { refuseErased } from './erasures.ts';
import { keys } from './keys.ts';
import { noteLineage, parentsOf } from './lineage.ts';
import { manifestWrite } from './manifests.ts';
import { purgeWrite } from './purges.ts';
import type { Stored } from './stored.ts';
import { findingsThatFit, getVersionRecord, versionWrite, type VersionRecord } from './versions.ts';

/** What the validator found out. */
export interface VersionOutcome {
  readonly checks: NonNullable<Version['checks']>;
  readonly details: z.output<typeof getVersionChecks.output>;
  /** Warnings; errors reject a version. */
  readonly findings: readonly Finding[];
}

export interface EndOptions {
  /** Writes and checks that must happen in the same transaction: the fence of a job, the end of an upload. */
  readonly with?: readonly RecordWrite[];
}

/**
 * Gives a version that is validated its number, the next one of its adapter, and moves `latest` and the aliases that it asks for, all in
 * one transaction. Repeating it is safe: a version that is published stays as it is. Throws `ConditionError` when a write of
 * `options.with` does not hold, and `DomainError('adapter-deleted' | 'not-validating')`.
 */
export async function publishVersion(
  world: World,
  caller: Caller,
  versionId: string,
  outcome: VersionOutcome,
  options: EndOptions = {},
): Promise<VersionRecord> {
  invariant(
    outcome.findings.every(({ severity }) => severity !== 'error'),
    'a version with errors is not published',
  );
  let details: BlobRef | undefined;
  return endVersion(world, caller, versionId, ['published', 'withdrawn'], options, async (version) => {
    const { team, adapterId } = version.value;
    const adapter = await findAdapter(world.table, team, version.value.adapter);
    if (adapter?.value.id !== adapterId)
      throw new DomainError('adapter-deleted', 'The adapter was deleted before this version was ready.');
    const roots = await datasetRoots(world.table, team, version.value.lineage, version.value.base);
    // a container sees nothing of what another team has erased: what it publishes all the same answers 410, and is swept
    await refuseErased(world.table, { ...version.value, datasetRoots: roots.datasetRoots }, 'This version');
    details ??= await putDetails(world, version.value, outcome);
    const at = new Date(world.now()).toISOString();
    const number = adapter.value.versions + 1;
    const moved = ['latest', ...thatFit(adapter.value, version.value.promote)];
    const published: VersionRecord = {
      ...version.value,
      state: 'published',
      version: number,
      checks: outcome.checks,
      findings: findingsThatFit(outcome.findings),
      details: { key: details.key, versionId: details.versionId },
      ...roots,
      publishedAt: at,
    };
    const pointed: AdapterRecord = {
      ...adapter.value,
      versions: number,
      aliases: { ...adapter.value.aliases, ...Object.fromEntries(moved.map((alias) => [alias, number])) },
      updatedAt: at,
    };
    const forBase = (await findBase(world.table, team, version.value.base))?.value;
    const ofBase = forBase && { kind: 'base' as const, id: forBase.id, name: forBase.name };
    const thing = { kind: 'version', id: versionId, name: adapter.value.name, version: number } as const;
    await noteLineage(world, team, thing, parentsOf(version.value.lineage, ofBase));
    const manifest = await manifestWrite(world, caller, {
      kind: 'adapter',
      team,
      name: adapter.value.name,
      id: versionId,
      version: number,
      base: version.value.base,
      lineage: version.value.lineage,
      files: version.value.files,
      at,
    });
    const steps = moved.map(async (alias) => {
      const value = { alias, version: number, updatedAt: at, updatedBy: caller.keyId };
      return aliasWrites(pointed, value, await findAlias(world.table, pointed, alias));
    });
    const writes: RecordWrite[] = [
      manifest,
      adapterWrite(pointed, adapter.revision),
      {
        put: { key: keys.versionNumber(team, adapterId, number), value: { versionId } },
        condition: { ifAbsent: true },
      },
      ...(await Promise.all(steps)).flat(),
    ];
    const from = Object.fromEntries(moved.map((alias) => [alias, adapter.value.aliases[alias] ?? null]));
    return { version: published, writes, action: 'version.publish', detail: { version: number, aliases: moved, from } };
  });
}

/** Says for good that a version cannot be used, and why. Repeating it is safe. Throws like `publishVersion`. */
export async function rejectVersion(
  world: World,
  caller: Caller,
  versionId: string,
  findings: readonly Finding[],
  options: EndOptions = {},
): Promise<VersionRecord> {
  return endVersion(world, caller, versionId, ['rejected'], options, async ({ value }) => ({
    version: { ...value, state: 'rejected', findings: findingsThatFit(findings) },
    writes: [purgeWrite(world, { team: value.team, kind: 'version', id: value.id, why: 'rejected' })],
    action: 'version.reject',
    detail: { codes: [...new Set(findings.map(({ code }) => code))].slice(0, 20) },
  }));
}

interface End {
  readonly version: VersionRecord;
  readonly writes: readonly RecordWrite[];
  readonly action: string;
  readonly detail: JsonObject;
}

/** Reads, decides, writes; again when something that the decision rests on was changed meanwhile. */
async function endVersion(
  world: World,
  caller: Caller,
  versionId: string,
  done: readonly VersionRecord['state'][],
  options: EndOptions,
  decide: (version: Stored<VersionRecord>) => Promise<End>,
): Promise<VersionRecord> {
  const along = options.with ?? [];
  for (let attempt = 1; ; attempt++) {
    const version = await getVersionRecord(world.table, caller.team, versionId);
    if (done.includes(version.value.state)) return version.value;
    if (version.value.state !== 'validating')
      throw new DomainError('not-validating', `The version is ${version.value.state} and stays so.`);
    const end = await decide(version);
    const { adapter } = version.value;
    const change = { action: end.action, resource: `adapters/${adapter}/versions/${versionId}`, detail: end.detail };
    try {
      await commit(world, caller, change, [...along, versionWrite(end.version, version.revision), ...end.writes]);
      return end.version;
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      // what came along is lost for good only if the version is not ended by now
      const now = await getVersionRecord(world.table, caller.team, versionId);
      if (done.includes(now.value.state)) return now.value;
      if (error.failed.some((position) => position < along.length)) throw error;
      if (attempt === attemptsMax)
        throw new UnavailableError('The adapter is changed too often just now: try again.', { cause: error });
    }
  }
}

/** Each lost race means that another change went through, so this bounds patience, not progress. */
const attemptsMax = 50;

async function putDetails(world: World, { team, id }: VersionRecord, { details }: VersionOutcome): Promise<BlobRef> {
  return world.blobs.put(blobKeys.versionChecks(team, id), Buffer.from(JSON.stringify(details)));
}

/** Those that the adapter has, and as many new ones as it has room for; none that was protected meanwhile. */
function thatFit({ aliases, protections = {} }: AdapterRecord, wanted: readonly string[]): string[] {
  const known = new Set(Object.keys(aliases).filter((alias) => alias !== 'latest'));
  const free = [...new Set(wanted)].filter((alias) => !Object.hasOwn(protections, alias));
  return free.filter((alias) => known.has(alias) || known.add(alias).size <= limits.aliasesMax);
}
