import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from './store.ts';

/** Nothing is there that nothing names: no content, no file, no parts of an upload, no folder of a job or of a run. */
export function checkLeftOvers({ folder, rows, blobs, uploads, uploadsWithParts, runs }: Store): string[] {
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
