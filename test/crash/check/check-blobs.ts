import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
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

/** Every content that is named is there, whole. */
export function checkBlobs({ folder, rows, blobs }: Store): string[] {
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
