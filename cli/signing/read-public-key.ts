import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { signingKeySchema } from '../../shared/contract/audit.ts';
import { DomainError } from '../../shared/errors.ts';
import type { SigningKey } from '../../shared/platform/ports.ts';
import { publicKeyOf, signingKeyId } from '../../shared/signing/signatures.ts';

/** A public key from a file: as `GET /v1/signing-key` answers it, or in PEM. Throws `DomainError('bad-key')`. */
export async function readPublicKey(path: string): Promise<SigningKey> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new DomainError('bad-key', `${path} cannot be read.`, { cause });
  });
  const key = text.includes('-----BEGIN') ? fromPem(path, text) : fromJson(path, text);
  publicKeyOf(key);
  return key;
}

function fromJson(path: string, text: string): SigningKey {
  try {
    return signingKeySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new DomainError('bad-key', `${path} is no public key: neither as this platform tells it nor in PEM.`, {
      cause,
    });
  }
}

function fromPem(path: string, text: string): SigningKey {
  try {
    // a private key would be read, too, and has no business here
    if (text.includes('PRIVATE')) throw new Error('private');
    const key = createPublicKey(text);
    const spki = key.export({ format: 'der', type: 'spki' });
    const algorithm = key.asymmetricKeyType === 'ed25519' ? 'Ed25519' : 'ECDSA_P256_SHA256';
    return { keyId: signingKeyId(spki), algorithm, publicKey: spki.toString('base64') };
  } catch (cause) {
    throw new DomainError('bad-key', `${path} is no public key that can be read.`, { cause });
  }
}
