import type { Scope } from '../../shared/contract/scopes.ts';
import { DomainError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import type { Stored } from '../../shared/records/stored.ts';
import { getUploadRecord, type UploadRecord, type UploadTarget } from '../../shared/records/uploads.ts';
import { requireScope } from '../http/authenticate.ts';

const scopes: Readonly<Record<UploadTarget['kind'], Scope>> = {
  adapter: 'adapters:write',
  dataset: 'datasets:write',
  base: 'bases:write',
};

/** The upload, for callers who may begin one of its kind. Throws `DomainError('not-found' | 'missing-scope')`. */
export async function findUpload(
  { table }: Pick<World, 'table'>,
  caller: Caller,
  uploadId: string,
): Promise<Stored<UploadRecord>> {
  const upload = await getUploadRecord(table, caller.team, uploadId);
  requireScope(caller.scopes, scopes[upload.value.target.kind]);
  return upload;
}

/** Throws `DomainError('upload-closed')` unless parts may still be sent. */
export function refuseClosed({ now }: Pick<World, 'now'>, { state, expiresAt }: UploadRecord): void {
  const closed = state === 'open' && Date.parse(expiresAt) <= now() ? 'expired' : state;
  if (closed !== 'open')
    throw new DomainError('upload-closed', `The upload is ${closed}: begin a new one to send something else.`);
}
