import { createHash, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { scopes, type Scope } from '../contract/scopes.ts';
import type { ApiKey } from '../contract/keys.ts';
import type { RecordTable, RecordWrite, World } from '../platform/ports.ts';
import { keys, lists, timeSort } from './keys.ts';
import { stored, type Stored } from './stored.ts';

const apiKeyRecord = z.object({
  id: z.string(),
  team: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  /** SHA-256 of the secret part, hex. */
  secretSha256: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
});
export type ApiKeyRecord = z.output<typeof apiKeyRecord>;

/**
 * The text of an API key: `lry_<keyId>_<secret><checksum>`. The id finds its record, the secret (43 characters, 256 bits) proves it, the
 * checksum (6 characters, CRC-32) tells a typo, or a find of a secret scanner, from a key without asking anyone.
 */
export function makeKeyText(randomBytes: World['randomBytes']): { keyId: string; secretSha256: string; text: string } {
  const keyId = Buffer.from(randomBytes(8)).toString('hex');
  const secret = base62(randomBytes(43));
  return { keyId, secretSha256: sha256(secret), text: `lry_${keyId}_${secret}${checksum(keyId, secret)}` };
}

/** The record of a key that was just made and is good at once. */
export function newApiKey(
  { keyId, secretSha256 }: Pick<ReturnType<typeof makeKeyText>, 'keyId' | 'secretSha256'>,
  given: Pick<ApiKeyRecord, 'team' | 'name' | 'createdBy'> & {
    readonly scopes: Iterable<Scope>;
    /** Milliseconds since 1970. */
    readonly now: number;
    readonly expiresAt?: string | null;
  },
): ApiKeyRecord {
  const { team, name, createdBy, now, expiresAt = null } = given;
  return {
    id: keyId,
    team,
    name,
    scopes: [...new Set(given.scopes)],
    secretSha256,
    createdAt: new Date(now).toISOString(),
    createdBy,
    expiresAt,
    revokedAt: null,
  };
}

/** The parts of a key; undefined when the text is none. `hf_` may stand in front, for clients that insist on it. */
export function parseKeyText(text: string): { readonly keyId: string; readonly secret: string } | undefined {
  const [, keyId = '', secret = '', check = ''] =
    /^(?:hf_)?lry_([0-9a-f]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/.exec(text) ?? [];
  return keyId !== '' && check === checksum(keyId, secret) ? { keyId, secret } : undefined;
}

/** Whether the secret is that of the record, in a time that does not depend on where they differ. */
export function secretMatches(record: ApiKeyRecord, secret: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(secret), 'hex'), Buffer.from(record.secretSha256, 'hex'));
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

export function presentApiKey(record: ApiKeyRecord): ApiKey {
  const { id, name, scopes: allowed, createdAt, createdBy, expiresAt, revokedAt } = record;
  return { id, name, scopes: allowed, createdAt, createdBy, expiresAt, revokedAt };
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
