import { signedManifestSchema, type Manifest, type SignedManifest } from '../contract/manifests.ts';
import type { Lineage } from '../contract/versions.ts';
import { DomainError } from '../errors.ts';
import { canonicalJson } from '../formats/canonical-json.ts';
import { limits } from '../limits.ts';
import type { RecordTable, RecordWrite, World } from '../platform/ports.ts';
import { release } from '../release.ts';
import { statementBytes, statementOf } from '../signing/manifest.ts';
import { findBase } from './bases.ts';
import type { Caller } from './caller.ts';
import { findJob } from './jobs.ts';
import { keys } from './keys.ts';
import { findPinnedBase } from './pinned-inputs.ts';
import { signatureOf } from './signature-of.ts';
import { presentFile, type StoredFile } from './stored-file.ts';
import { recordValue } from './stored.ts';

/** Something that is about to be published. */
export interface Publication {
  readonly kind: Manifest['kind'];
  readonly team: string;
  readonly name: string;
  readonly id: string;
  readonly version?: number;
  /** Name of the base that an adapter is for. */
  readonly base?: string;
  readonly lineage: Lineage;
  readonly files: readonly StoredFile[];
  readonly at: string;
}

/** The manifest of a publication, signed; to be written in the publication's own transaction. */
export async function manifestWrite(world: World, caller: Caller, publication: Publication): Promise<RecordWrite> {
  const manifest = await manifestOf(world, caller, publication);
  const statement = statementOf(manifest);
  const by = await signatureOf(world.signer, statementBytes(statement), recordValue(manifest));
  const signed: SignedManifest = { manifest, statement, signature: by?.signature ?? null, key: by?.key ?? null };
  return { put: { key: keys.manifest(publication.team, publication.id), value: recordValue(signed) } };
}

/** Throws `DomainError('no-manifest')` for what an earlier release has published. */
export async function getManifest(table: RecordTable, team: string, id: string): Promise<SignedManifest> {
  const record = await table.get(keys.manifest(team, id));
  if (!record)
    throw new DomainError(
      'no-manifest',
      'There is no manifest of this: it was published by no job, or before there were any.',
    );
  return signedManifestSchema.parse(record.value);
}

async function manifestOf(world: World, caller: Caller, publication: Publication): Promise<Manifest> {
  const { kind, team, name, id, version, lineage, files, at } = publication;
  const job = lineage.jobId === undefined ? undefined : (await findJob(world.table, team, lineage.jobId))?.value;
  const base = await baseOf(world.table, publication);
  const told = job && { id: job.id, kind: job.kind, attempt: job.attempt, request: job.request };
  const manifest: Manifest = {
    format: 'lorary-manifest-1',
    kind,
    team,
    name,
    id,
    ...(version === undefined ? {} : { version }),
    publishedAt: at,
    publishedBy: caller.keyId,
    madeWith: { release, ...(world.image === undefined ? {} : { image: world.image }) },
    ...(base ? { base } : {}),
    lineage: recordValue(lineage),
    ...(told ? { job: told } : {}),
    files: files.map(presentFile).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
  if (!told || Buffer.byteLength(canonicalJson(manifest)) <= limits.manifestBytesMax) return manifest;
  const { request: _, ...withoutRequest } = told;
  return { ...manifest, job: { ...withoutRequest, requestLeftOut: 'it is too long' } };
}

/** The base as it is pinned, with where it came from. */
async function baseOf(
  table: RecordTable,
  { team, base: name, lineage: { base: pinned } }: Publication,
): Promise<Manifest['base']> {
  const found = pinned
    ? await findPinnedBase(table, team, pinned)
    : name === undefined
      ? undefined
      : (await findBase(table, team, name))?.value;
  if (!found) return pinned ? { ...pinned } : name === undefined ? undefined : { name };
  const { id, sha256, source } = found;
  return recordValue({ name: found.name, id, sha256, ...pinned, source });
}
