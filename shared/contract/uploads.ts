import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { idField, sha256Field, timeField } from './fields.ts';
import { operation } from './operation.ts';

const uploadPath = z.object({ upload: idField });

/** A path inside an upload: names of files and folders, nothing that leads elsewhere. */
export const filePathField = z
  .string()
  .min(1)
  .max(255)
  .refine((path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'), {
    error: 'a path has no empty, "." or ".." parts',
  })
  .refine((path) => !/[\\\p{Cc}]/u.test(path), { error: 'a path has neither backslashes nor control characters' });

/** A file that is going to be sent. Its hash is a claim, checked when the whole file has been read. */
export const announcedFileField = z.strictObject({
  path: filePathField,
  sizeBytes: z.int().min(1).max(limits.baseBytesMax),
  sha256: sha256Field,
});

export const announcedFilesField = z
  .array(announcedFileField)
  .min(1)
  .max(limits.uploadFilesMax)
  .refine((files) => new Set(files.map(({ path }) => path)).size === files.length, {
    error: 'each path may stand here once',
  });

export const uploadSchema = z
  .object({
    id: idField,
    target: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('adapter'), adapter: z.string(), versionId: idField }),
        z.object({ kind: z.literal('dataset'), dataset: z.string() }),
        z.object({ kind: z.literal('base'), base: z.string() }),
      ])
      .describe('What becomes of it.'),
    state: z.enum(['open', 'completed', 'aborted']),
    partSizeBytes: z.int().describe('Every file but its last part is sent in parts of this size.'),
    files: z.array(
      announcedFileField.extend({
        parts: z.int(),
        received: z
          .array(z.object({ number: z.int(), sizeBytes: z.int(), sha256: sha256Field }))
          .describe('Parts that have arrived, so that an interrupted upload goes on where it was.'),
      }),
    ),
    createdAt: timeField,
    expiresAt: timeField.describe('An open upload is dropped after this time.'),
  })
  .openapi('Upload');
export type Upload = z.output<typeof uploadSchema>;

export const getUpload = operation({
  operationId: 'getUpload',
  method: 'get',
  path: '/v1/uploads/{upload}',
  tag: 'uploads',
  summary: 'An upload and the parts that have arrived.',
  scope: 'any',
  params: uploadPath,
  output: uploadSchema,
});

export const signUploadParts = operation({
  operationId: 'signUploadParts',
  method: 'post',
  path: '/v1/uploads/{upload}/parts',
  tag: 'uploads',
  summary: 'Signed requests for parts of one file; ask again when they have expired.',
  description:
    'Send each part with the method PUT and exactly the headers given. The store refuses bytes of another size or hash.',
  scope: 'any',
  repeatable: true,
  params: uploadPath,
  body: z.strictObject({
    path: filePathField,
    parts: z
      .array(
        z.strictObject({
          number: z.int().min(1).max(limits.uploadPartsMax),
          sizeBytes: z.int().min(1).max(limits.uploadPartBytes),
          sha256: sha256Field,
        }),
      )
      .min(1)
      .max(limits.signedPartsMax),
  }),
  output: z.object({
    parts: z.array(
      z.object({
        number: z.int(),
        url: z.string(),
        headers: z.record(z.string(), z.string()),
        expiresAt: timeField,
      }),
    ),
  }),
  errors: ['upload-closed', 'part-mismatch'],
});

export const completeUpload = operation({
  operationId: 'completeUpload',
  method: 'post',
  path: '/v1/uploads/{upload}/complete',
  tag: 'uploads',
  summary: 'Says that every part has been sent; the content is then checked and published or refused.',
  description:
    'The answer comes before the check: ask for the version, dataset or base until its state is no longer `validating`.',
  scope: 'any',
  repeatable: true,
  status: 202,
  params: uploadPath,
  output: uploadSchema,
  errors: ['upload-incomplete', 'upload-closed'],
});

export const abortUpload = operation({
  operationId: 'abortUpload',
  method: 'delete',
  path: '/v1/uploads/{upload}',
  tag: 'uploads',
  summary: 'Gives an open upload up; what was sent is dropped.',
  scope: 'any',
  status: 204,
  params: uploadPath,
  errors: ['upload-closed'],
});
