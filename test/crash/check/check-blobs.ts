import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from './store.ts';

/** A content that a record names. */
interface Reference {
  readonly from: string;
  readonly key: string;
  readonly versionId: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

/** Every content that is named is there, whole; and nothing is there that nothing names. */
export function checkBlobs(store: Store): string[] {
  return [...checkReferences(store), ...checkLeftOvers(store)];
}

function checkReferences({ folder, rows, blobs }: Store): string[] {
  const found: string[] = [];
  const known = new Map(blobs.map((blob) => [`${blob.key} ${blob.versionId}`, blob]));
  for (const { partition, sort, value } of rows)
    for (const { from, key, versionId, sizeBytes, sha256 } of referencesIn(value, `${partition} ${sort}`)) {
      const blob = known.get(`${key} ${versionId}`);
      const bytes = blob && contentOf(folder, versionId);
      if (!blob) found.push(`${from} names ${key} (${versionId}), which is not there`);
      else if (!bytes) found.push(`the file of ${key} (${versionId}) is missing, which ${from} names`);
      else if (bytes.length !== (sizeBytes ?? blob.sizeBytes) || bytes.length !== blob.sizeBytes)
        found.push(`${key} has ${bytes.length} bytes, not ${sizeBytes ?? blob.sizeBytes}`);
      else if (sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256)
        found.push(`${key} has another SHA-256 than ${from} says`);
    }
  return found;
}

/** Where a value says `{ key, versionId }`; what stands beside a field `blob` says its size and hash. */
function referencesIn(value: unknown, from: string, beside: Readonly<Record<string, unknown>> = {}): Reference[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => referencesIn(item, from));
  const fields = value as Readonly<Record<string, unknown>>;
  const { key, versionId } = fields;
  if (typeof key === 'string' && typeof versionId === 'string') {
    const { sizeBytes, sha256 } = beside;
    return [
      {
        from,
        key,
        versionId,
        ...(typeof sizeBytes === 'number' ? { sizeBytes } : {}),
        ...(typeof sha256 === 'string' ? { sha256 } : {}),
      },
    ];
  }
  return Object.entries(fields).flatMap(([field, item]) => referencesIn(item, from, field === 'blob' ? fields : {}));
}

function contentOf(folder: string, versionId: string): Buffer | undefined {
  const path = join(folder, 'blobs', versionId.slice(0, 2), versionId);
  return existsSync(path) ? readFileSync(path) : undefined;
}

function checkLeftOvers({ folder, rows, blobs, uploads, uploadsWithParts, runs }: Store): string[] {
  const named = new Set(rows.flatMap(({ value }) => namesIn(value)));
  const stored = new Set(blobs.map(({ versionId }) => versionId));
  const known = new Set(runs.map(({ runId }) => runId));
  const files = namesOf(folder, 'blobs').flatMap((group) => namesOf(folder, 'blobs', group));
  return [
    ...blobs.flatMap(({ key, versionId }) => (named.has(versionId) ? [] : [`no record names ${key} (${versionId})`])),
    ...files.flatMap((file) => (stored.has(file) ? [] : [`the file ${file} is no blob's`])),
    ...uploads.map((id) => `the upload ${id} in parts was never ended`),
    ...uploadsWithParts.flatMap((id) => (uploads.includes(id) ? [] : [`parts are noted of ${id}, which is gone`])),
    ...namesOf(folder, 'uploads').map((file) => `the parts ${file} were never removed`),
    ...namesOf(folder, 'work').flatMap((team) =>
      namesOf(folder, 'work', team).map((job) => `the work folder of ${job} was never removed`),
    ),
    ...namesOf(folder, 'runs').flatMap((run) => (known.has(run) ? [] : [`the folder of the run ${run} is left over`])),
  ];
}

/** What a record may keep a content by: its version, or the upload that it came from. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, item]) =>
    (field === 'versionId' || field === 'multipartId') && typeof item === 'string' ? [item] : namesIn(item),
  );
}

function namesOf(...path: readonly string[]): string[] {
  const folder = join(...path);
  return existsSync(folder) ? readdirSync(folder) : [];
}
