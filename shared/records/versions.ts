import { z } from 'zod';
import { findingField } from '../contract/fields.ts';
import { lineageSchema, versionChecksSchema, type Version } from '../contract/versions.ts';
import { DomainError, type Finding } from '../errors.ts';
import type { RecordTable, RecordWrite, StoredRecord, World } from '../platform/ports.ts';
import type { AdapterRecord } from './adapters.ts';
import type { Caller } from './caller.ts';
import { newId } from './commit.ts';
import { datasetRootSchema, refuseErased } from './erasures.ts';
import { keys, lists, timeSort } from './keys.ts';
import { getReadable } from './shares.ts';
import { blobRefSchema, presentFile, storedFileSchema } from './stored-file.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const versionRecord = z.object({
  id: z.string(),
  team: z.string(),
  adapter: z.string(),
  adapterId: z.string(),
  version: z.int().nullable(),
  state: z.enum(['draft', 'validating', 'published', 'rejected', 'withdrawn']),
  base: z.string(),
  /** Empty while they are on their way. */
  files: z.array(storedFileSchema),
  checks: versionChecksSchema.nullable(),
  findings: z.array(findingField),
  /** Modules and servability, as `getVersionChecks` shows them. */
  details: blobRefSchema.nullable(),
  lineage: lineageSchema,
  notes: z.string(),
  /** Aliases that will point to it once it is published. */
  promote: z.array(z.string()),
  /** Datasets that it descends from, by id, once it is published. */
  datasetRoots: z.array(z.string()).optional(),
  /** Datasets of other teams that it descends from. */
  otherRoots: z.array(datasetRootSchema).optional(),
  /** How its files come; null: by a job. */
  uploadId: z.string().nullable(),
  createdAt: z.string(),
  createdBy: z.string(),
  publishedAt: z.string().optional(),
  withdrawnAt: z.string().optional(),
  withdrawnBecause: z.string().optional(),
});
export type VersionRecord = z.output<typeof versionRecord>;

/** A version to be: `draft` while its files are on their way, `validating` with them. */
export function newVersion(
  world: Pick<World, 'now' | 'randomBytes'>,
  caller: Caller,
  adapter: AdapterRecord,
  given: Pick<VersionRecord, 'state' | 'files' | 'lineage' | 'notes' | 'promote'>,
): VersionRecord {
  return {
    ...given,
    id: newId(world, 'ver'),
    team: caller.team,
    adapter: adapter.name,
    adapterId: adapter.id,
    version: null,
    base: adapter.base,
    uploadId: null,
    checks: null,
    findings: [],
    details: null,
    createdAt: new Date(world.now()).toISOString(),
    createdBy: caller.keyId,
  };
}

export async function findVersion(
  table: RecordTable,
  team: string,
  versionId: string,
): Promise<Stored<VersionRecord> | undefined> {
  const record = await table.get(keys.version(team, versionId));
  return record && readVersion(record);
}

/** Throws `DomainError('not-found')`. */
export async function getVersionRecord(table: RecordTable, team: string, id: string): Promise<Stored<VersionRecord>> {
  const found = await findVersion(table, team, id);
  if (!found) throw new DomainError('not-found', `There is no version "${id}".`);
  return found;
}

export function readVersion(record: StoredRecord): Stored<VersionRecord> {
  return stored(versionRecord, record);
}

/**
 * The version that a caller means by number, alias or id, with its adapter, which may be one that another team shares (`TEAM:NAME`): both
 * then have that name. Throws `DomainError('not-found')`, the same for what never was and what belongs to someone else, and
 * `DomainError('erased')`.
 */
export async function resolveVersion(
  table: RecordTable,
  team: string,
  adapterName: string,
  ref: string,
): Promise<{ readonly adapter: Stored<AdapterRecord>; readonly version: Stored<VersionRecord> }> {
  const adapter = await getReadable(table, team, adapterName);
  const id = await versionIdOf(table, adapter.value, ref);
  const version = id === undefined ? undefined : await findVersion(table, adapter.value.team, id);
  if (version?.value.adapterId !== adapter.value.id || !isShown(version.value, team))
    throw new DomainError('not-found', `The adapter "${adapterName}" has no version "${ref}".`);
  await refuseErased(table, version.value, `This version of "${adapterName}"`);
  return { adapter, version: { ...version, value: { ...version.value, adapter: adapter.value.name } } };
}

/** Another team sees nothing of what is not published. */
export function isShown({ team: owner, state }: Pick<VersionRecord, 'team' | 'state'>, team: string): boolean {
  return owner === team || state === 'published' || state === 'withdrawn';
}

async function versionIdOf(table: RecordTable, adapter: AdapterRecord, ref: string): Promise<string | undefined> {
  if (ref.startsWith('ver_')) return ref;
  const number = /^\d{1,9}$/.test(ref) ? Number(ref) : Object.hasOwn(adapter.aliases, ref) ? adapter.aliases[ref] : 0;
  return number === undefined ? undefined : findVersionId(table, adapter, number);
}

/** Id of the version that an adapter has published under this number. */
export async function findVersionId(
  table: RecordTable,
  { team, id }: Pick<AdapterRecord, 'team' | 'id'>,
  version: number,
): Promise<string | undefined> {
  const record = await table.get(keys.versionNumber(team, id, version));
  return record && versionNumberRecord.parse(record.value).versionId;
}

export const versionNumberRecord = z.object({ versionId: z.string() });

/** A new version, or a change of the one of this revision. */
export function versionWrite(value: VersionRecord, revision?: number): RecordWrite {
  return {
    put: {
      key: keys.version(value.team, value.id),
      value: recordValue(value),
      index1: { partition: lists.versions(value.team, value.adapterId), sort: timeSort(value.createdAt, value.id) },
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

export function presentVersion(version: VersionRecord, { aliases }: Pick<AdapterRecord, 'aliases'>): Version {
  const {
    team: _team,
    adapterId: _adapterId,
    details: _details,
    uploadId: _uploadId,
    datasetRoots: _datasetRoots,
    otherRoots: _otherRoots,
    promote,
    files,
    ...shown
  } = version;
  const pointing = Object.keys(aliases).filter((alias) => aliases[alias] === version.version);
  const waits = version.state === 'draft' || version.state === 'validating';
  return {
    ...shown,
    files: files.map(presentFile),
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    aliases: waits ? promote : pointing.toSorted(),
  };
}

/** As many findings as a record has room for, beside what else it holds; the last one says how many are left out. */
export function findingsThatFit(findings: readonly Finding[]): Finding[] {
  let bytes = 0;
  const fitting = findings.filter(
    (finding) => (bytes += Buffer.byteLength(JSON.stringify(finding))) <= findingsBytesMax,
  );
  const left = findings.length - fitting.length;
  if (left === 0) return fitting;
  const message = `${left} more findings are not shown: mend these first.`;
  return [...fitting, { severity: 'warning', code: 'more-findings', message }];
}

/** Half of a record: the files of a large adapter take less than the other half. */
const findingsBytesMax = 200_000;
