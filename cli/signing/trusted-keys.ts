import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { signingKeySchema } from '../../shared/contract/audit.ts';
import { DomainError } from '../../shared/errors.ts';
import { credentialsPath, type Environment } from '../server/credentials.ts';

const trustedKey = signingKeySchema.extend({
  /** Whose it is, as the user said. */
  of: z.string(),
  trustedAt: z.string(),
});
/** A public key that this user believes. */
export type TrustedKey = z.output<typeof trustedKey>;

const storedSchema = z.object({ keys: z.array(trustedKey) });

/** Beside the credentials: `trusted-keys.json`. */
export function trustedKeysPath(environment: Environment): string {
  return join(dirname(credentialsPath(environment)), 'trusted-keys.json');
}

/** Throws `DomainError('trusted-keys')` when the file is not what `lorary keys trust` writes. */
export async function readTrustedKeys(environment: Environment): Promise<readonly TrustedKey[]> {
  const path = trustedKeysPath(environment);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return [];
  try {
    return storedSchema.parse(JSON.parse(text)).keys;
  } catch (cause) {
    throw new DomainError('trusted-keys', `${path} is damaged: delete it, and trust the keys again.`, { cause });
  }
}

/** Only this user can read the file; it is never there half written. */
export async function trustKey(environment: Environment, key: TrustedKey): Promise<void> {
  const path = trustedKeysPath(environment);
  const others = (await readTrustedKeys(environment)).filter(({ keyId }) => keyId !== key.keyId);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify({ keys: [...others, key] }, undefined, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}
