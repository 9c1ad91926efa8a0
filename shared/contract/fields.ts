import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';

/** Name of an adapter, base or dataset: what Hugging Face allows in a repository's name, in lower case, so that a name is also a file name. */
export const nameField = z
  .string()
  .min(1)
  .max(limits.nameCharsMax)
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/, {
    error: 'a name has lower-case letters, digits, ".", "_" and "-" only, and begins and ends with a letter or digit',
  })
  .refine((name) => !/--|\.\./.test(name), { error: 'a name has neither "--" nor ".." in it' })
  .openapi({ format: 'name' });

/** A team: it begins every key of the table and every path of the bucket that are its own. */
export const teamField = z
  .string()
  .max(limits.teamCharsMax)
  .regex(/^[a-z][a-z0-9-]*[a-z0-9]$/, {
    error: `a team has 2 to ${limits.teamCharsMax} of a-z, 0-9 and -, a letter first`,
  });

/** What stands between a team and the name of an adapter that it shares; no name has it. */
export const ownerMark = ':';

/** Which adapter: `NAME`, one of the team's own, or `TEAM:NAME`, one that another team shares with it. */
export const adapterRefField = z
  .string()
  .max(limits.adapterRefCharsMax)
  .superRefine((ref, context) => {
    const at = ref.indexOf(ownerMark);
    const checked = [
      nameField.safeParse(ref.slice(at + 1)),
      ...(at < 0 ? [] : [teamField.safeParse(ref.slice(0, at))]),
    ];
    for (const { error } of checked)
      for (const { message } of error?.issues ?? []) context.addIssue({ code: 'custom', message });
  })
  .openapi({ format: 'adapter' });

/** A pointer to a version, such as `production`. A number would be mistaken for that of a version, `ver_` for an id. */
export const aliasField = nameField.refine((name) => !/^\d+$/.test(name) && !name.startsWith('ver_'), {
  error: 'an alias is neither a number nor begins with "ver_"',
});

/** Which version: its number, an alias, or its id `ver_...`. */
export const versionRefField = z
  .string()
  .min(1)
  .max(limits.nameCharsMax)
  .regex(/^[\w.-]+$/, { error: 'a version is a number, an alias or an id' });

export const idField = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\w-]+$/, { error: 'an id has letters, digits, "_" and "-" only' })
  .openapi({ format: 'id' });
export const sha256Field = z
  .string()
  .regex(/^[0-9a-f]{64}$/, { error: 'a SHA-256 has 64 lower-case hex digits' })
  .openapi({ format: 'sha256' });
export const timeField = z.iso.datetime();

export const tagsField = z.array(nameField).max(limits.tagsMax);
export const notesField = z.string().max(limits.notesCharsMax);

export const findingField = z
  .object({
    severity: z.enum(['error', 'warning']),
    code: z.string(),
    message: z.string(),
    where: z.string().optional(),
  })
  .openapi('Finding');

export const fileField = z
  .object({
    path: z.string(),
    sizeBytes: z.int().min(0),
    sha256: sha256Field,
  })
  .openapi('File');

/** Where a file can be fetched for a while, without a key. */
export const downloadField = fileField
  .extend({
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    expiresAt: timeField,
  })
  .openapi('Download');

/** A named schema or null; `.nullable()` would lose the null where the OpenAPI document refers to the name. */
export const orNull = <T extends z.ZodType>(named: T) => z.union([named, z.null()]);

/** Body of every error: RFC 9457. `detail` says what to do; `findings` has everything that is wrong, not the first thing. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    requestId: z.string(),
    findings: z.array(findingField).optional(),
  })
  .openapi('Problem');
export type Problem = z.output<typeof problemSchema>;
