import { createHash, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { roles, roleScopes, scopes, type Scope } from '../contract/scopes.ts';
import type { ApiKey } from '../contract/keys.ts';
import type { RecordTable, RecordWrite, World } from '../platform/ports.ts';
import { keys, lists, timeSort } from './keys.ts';
import { stored, type Stored } from './stored.ts';

const apiKeyFields = z.object({
  id: z.string(),
  team: z.string(),
  name: z.string(),
  role: z.enum(roles).nullable().optional(),
  /** Chosen one by one; of a key with a role, those that the role had when it was made. */
  scopes: z.array(z.enum(scopes)),
  /** Only adapters whose names begin so exist for it. */
  adapterPrefix: z.string().nullable().default(null),
  /** Name of the account whose key it is. */
  serviceAccount: z.string().nullable().default(null),
  /** SHA-256 of the secret part, hex. */
  secretSha256: z.string(),
  /** The secret before the last rotation, while it works. */
  previous: z.object({ secretSha256: z.string(), endsAt: z.string() }).nullable().default(null),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
  /** Calls that one process lets in; null: any. Set with the budget of the key. */
  requestsPerSecond: z.number().nullable().default(null),
});

/** A key of a time without roles that could do everything can go on doing everything: it is an owner's. */
const apiKeyRecord = apiKeyFields.transform(({ role, ...rest }) => ({ ...rest, role: role ?? roleBefore(role, rest) }));
export type ApiKeyRecord = z.output<typeof apiKeyRecord>;

function roleBefore(role: null | undefined, { scopes: had }: Pick<z.output<typeof apiKeyFields>, 'scopes'>) {
  return role === undefined && scopesBeforeRoles.every((scope) => had.includes(scope)) ? 'owner' : null;
}

const scopesBeforeRoles = scopes.filter((scope) => !/^billing:|^adapters:share$/.test(scope));

/** What a key may do by itself: the scopes that its role has now, or those that were chosen. */
export function scopesOfKey({ role, scopes: chosen }: Pick<ApiKeyRecord, 'role' | 'scopes'>): readonly Scope[] {
  return role === null ? chosen : roleScopes[role];
}

/**
 * The text of an API key: `lry_<keyId>_<secret><checksum>`. The id finds its record, the secret (43 characters, 256 bits) proves it, the
 * checksum (6 characters, CRC-32) tells a typo, or a find of a secret scanner, from a key without asking anyone.
 */
export function makeKeyText(randomBytes: World['randomBytes']): { keyId: string; secretSha256: string; text: string } {
  const keyId = Buffer.from(randomBytes(8)).toString('hex');
  const secret = base62(randomBytes(secretChars));
  return { keyId, secretSha256: sha256(secret), text: keyText(keyId, secret) };
}

/** 256 bits. */
const secretChars = 43;

const keyText = (keyId: string, secret: string): string => `lry_${keyId}_${secret}${checksum(keyId, secret)}`;

/** The record with a new secret, and the text of that; the one before works for `overlapSeconds` more. `now`: milliseconds since 1970. */
export function renewSecret(
  record: ApiKeyRecord,
  randomBytes: World['randomBytes'],
  { now, overlapSeconds }: { readonly now: number; readonly overlapSeconds: number },
): { readonly record: ApiKeyRecord; readonly text: string } {
  const { id, secretSha256 } = record;
  const secret = base62(randomBytes(secretChars));
  const endsAt = new Date(now + 1000 * overlapSeconds).toISOString();
  const previous = overlapSeconds > 0 ? { secretSha256, endsAt } : null;
  return { record: { ...record, secretSha256: sha256(secret), previous }, text: keyText(id, secret) };
}

/** The record of a key that was just made and is good at once. */
export function newApiKey(
  { keyId, secretSha256 }: Pick<ReturnType<typeof makeKeyText>, 'keyId' | 'secretSha256'>,
  given: Pick<ApiKeyRecord, 'team' | 'name' | 'createdBy'> &
    Partial<Pick<ApiKeyRecord, 'role' | 'adapterPrefix' | 'serviceAccount' | 'expiresAt'>> & {
      readonly scopes: Iterable<Scope>;
      /** Milliseconds since 1970. */
      readonly now: number;
    },
): ApiKeyRecord {
  const {
    team,
    name,
    createdBy,
    now,
    role = null,
    adapterPrefix = null,
    serviceAccount = null,
    expiresAt = null,
  } = given;
  return {
    id: keyId,
    team,
    name,
    role,
    scopes: [...new Set(given.scopes)],
    adapterPrefix,
    serviceAccount,
    secretSha256,
    previous: null,
    createdAt: new Date(now).toISOString(),
    createdBy,
    expiresAt,
    revokedAt: null,
    requestsPerSecond: null,
  };
}

/** The parts of a key; undefined when the text is none. `hf_` may stand in front, for clients that insist on it. */
export function parseKeyText(text: string): { readonly keyId: string; readonly secret: string } | undefined {
  const [, keyId = '', secret = '', check = ''] =
    /^(?:hf_)?lry_([0-9a-f]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/.exec(text) ?? [];
  return keyId !== '' && check === checksum(keyId, secret) ? { keyId, secret } : undefined;
}

/**
 * Whether the secret is that of the record, or the one before while that works. Both are compared, each in a time that does not depend on
 * where they differ. `now`: milliseconds since 1970.
 */
export function secretMatches({ secretSha256, previous }: ApiKeyRecord, secret: string, now: number): boolean {
  const given = Buffer.from(sha256(secret), 'hex');
  const isCurrent = timingSafeEqual(given, Buffer.from(secretSha256, 'hex'));
  const isPrevious = timingSafeEqual(given, Buffer.from(previous?.secretSha256 ?? secretSha256, 'hex'));
  return isCurrent || (isPrevious && previous !== null && now < Date.parse(previous.endsAt));
}

export async function findApiKey(table: RecordTable, keyId: string): Promise<Stored<ApiKeyRecord> | undefined> {
  const record = await table.get(keys.apiKey(keyId));
  return record && stored(apiKeyRecord, record);
}

/** A new key, or a change of the one of this revision. */
export function apiKeyWrite(value: ApiKeyRecord, revision?: number): RecordWrite {
  return {
    put: {
      key: keys.apiKey(value.id),
      value,
      index1: { partition: lists.apiKeys(value.team), sort: timeSort(value.createdAt, value.id) },
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

export function readApiKey(record: Parameters<typeof stored>[1]): ApiKeyRecord {
  return apiKeyRecord.parse(record.value);
}

/** As callers see it. `now`: milliseconds since 1970. */
export function presentApiKey(record: ApiKeyRecord, now: number, lastUsedAt: string | null = null): ApiKey {
  const { id, name, role, adapterPrefix, serviceAccount, createdAt, createdBy, expiresAt, revokedAt, previous } =
    record;
  return {
    id,
    name,
    role,
    scopes: [...scopesOfKey(record)],
    adapterPrefix,
    serviceAccount,
    createdAt,
    createdBy,
    expiresAt,
    revokedAt,
    lastUsedAt,
    overlapEndsAt: previous && now < Date.parse(previous.endsAt) ? previous.endsAt : null,
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function base62(bytes: Uint8Array): string {
  return [...bytes].map((byte) => digits[byte % 62]).join('');
}

function checksum(keyId: string, secret: string): string {
  let rest = crc32(`${keyId}_${secret}`);
  let text = '';
  for (let i = 0; i < 6; i++) {
    text = `${digits[rest % 62]}${text}`;
    rest = Math.floor(rest / 62);
  }
  return text;
}
