import type { Upload } from '../contract/uploads.ts';
import { limits } from '../limits.ts';
import type { World } from '../platform/ports.ts';
import { partCount, type UploadRecord, type UploadTarget } from './uploads.ts';

/** An upload as callers see it, with the parts that have arrived while it is open. */
export async function presentUpload({ blobs }: Pick<World, 'blobs'>, upload: UploadRecord): Promise<Upload> {
  const { id, target, state, createdAt, expiresAt } = upload;
  const files: Upload['files'] = [];
  for (const { path, sizeBytes, sha256, blobKey, multipartId } of upload.files) {
    const received = state === 'open' ? await blobs.listParts(blobKey, multipartId) : [];
    files.push({ path, sizeBytes, sha256, parts: partCount(sizeBytes), received: [...received] });
  }
  return {
    id,
    target: presentTarget(target),
    state,
    partSizeBytes: limits.uploadPartBytes,
    files,
    createdAt,
    expiresAt,
  };
}

function presentTarget(target: UploadTarget): Upload['target'] {
  switch (target.kind) {
    case 'adapter':
      return { kind: 'adapter', adapter: target.adapter, versionId: target.versionId };
    case 'dataset':
      return { kind: 'dataset', dataset: target.dataset };
    case 'base':
      return { kind: 'base', base: target.base };
  }
}
