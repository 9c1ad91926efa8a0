import { signUploadParts as operation } from '../../shared/contract/uploads.ts';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { MultipartPart } from '../../shared/platform/ports.ts';
import { partBytes, partCount, type UploadFile } from '../../shared/records/uploads.ts';
import { handler } from '../http/handler.ts';
import { findUpload, refuseClosed } from './find-upload.ts';

export const signUploadParts = handler(operation, async ({ world }, caller, { params, body }) => {
  const { value } = await findUpload(world, caller, params.upload);
  refuseClosed(world, value);
  const file = value.files.find(({ path }) => path === body.path);
  if (!file) throw new DomainError('part-mismatch', `The file "${body.path}" was not announced in this upload.`);
  refuseErrors('part-mismatch', `These are not the parts of "${file.path}":`, mismatches(file, body.parts));
  const parts = [];
  for (const part of body.parts) {
    const { url, headers, expiresAt } = await world.blobs.signPart(file.blobKey, file.multipartId, part, {
      expiresSeconds: limits.uploadLinkSeconds,
    });
    parts.push({ number: part.number, url, headers: { ...headers }, expiresAt: new Date(expiresAt).toISOString() });
  }
  return { parts };
});

function mismatches({ sizeBytes }: UploadFile, parts: readonly MultipartPart[]): Finding[] {
  const count = partCount(sizeBytes);
  return parts.flatMap(({ number, sizeBytes: given }) => {
    const where = `part ${number}`;
    const error = (message: string): Finding[] => [{ severity: 'error', code: 'part-mismatch', message, where }];
    if (number > count) return error(`the file has ${count} parts`);
    const expected = partBytes(sizeBytes, number);
    return given === expected ? [] : error(`it has ${expected} bytes, not ${given}`);
  });
}
