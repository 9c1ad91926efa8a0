import { z } from 'zod';
import { fileField } from '../contract/fields.ts';

/** A content in the blob store, pinned. */
export const blobRefSchema = z.object({ key: z.string(), versionId: z.string() });

/** A file of a version, base or dataset, and where its bytes are. */
export const storedFileSchema = fileField.extend({ blob: blobRefSchema });
export type StoredFile = z.output<typeof storedFileSchema>;

/** The file as callers see it. */
export function presentFile({ path, sizeBytes, sha256 }: StoredFile): z.output<typeof fileField> {
  return { path, sizeBytes, sha256 };
}
