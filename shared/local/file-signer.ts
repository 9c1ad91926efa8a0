import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { DomainError } from '../errors.ts';
import type { Signer, SigningKey } from '../platform/ports.ts';
import { readOrCreateSecret } from './durable-files.ts';

/** Name of the file in a data folder. */
export const identityName = 'identity.key';

/**
 * Signs with the Ed25519 key in the file at `path`; one is made when nothing is there, for its owner alone to read. Throws
 * `DomainError('damaged-secret')`.
 */
export async function openFileSigner(path: string): Promise<FileSigner> {
  const fresh = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  const bytes = await readOrCreateSecret(path, fresh, loss);
  const privateKey = readKey(path, bytes);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const key = {
    keyId: createHash('sha256').update(spki).digest('hex'),
    algorithm: 'Ed25519',
    publicKey: spki.toString('base64'),
  } as const;
  return {
    key: async () => key,
    sign: async (statement) => ({ key, value: sign(undefined, statement, privateKey) }),
  };
}

export interface FileSigner extends Signer {
  key(): Promise<SigningKey>;
}

const loss = 'a new key signs from then on, which nobody has pinned';

function readKey(path: string, bytes: Uint8Array): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey({ key: Buffer.from(bytes), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new DomainError('damaged-secret', `${path} is damaged: delete it, and ${loss}.`, { cause });
  }
}
