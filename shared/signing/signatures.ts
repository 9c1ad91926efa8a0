import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { DomainError } from '../errors.ts';
import type { SigningKey } from '../platform/ports.ts';

/** A signature, and by which key it is. */
export interface Signature {
  readonly keyId: string;
  readonly algorithm: SigningKey['algorithm'];
  /** Base64. */
  readonly value: string;
}

/** Whether the signature is one of these very bytes by this key. */
export function isSignedBy(key: SigningKey, statement: Uint8Array, signature: Signature): boolean {
  if (signature.keyId !== key.keyId || signature.algorithm !== key.algorithm) return false;
  const value = Buffer.from(signature.value, 'base64');
  // SHA-256 belongs to ECDSA here, Ed25519 hashes by itself
  return verify(key.algorithm === 'Ed25519' ? undefined : 'sha256', statement, publicKeyOf(key), value);
}

/** What a public key is known by: SHA-256 of its SPKI, hex. */
export function signingKeyId(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex');
}

/** Throws `DomainError('bad-key')` for what is not the key that it says it is. */
export function publicKeyOf({ algorithm, keyId, publicKey }: SigningKey): KeyObject {
  const bytes = Buffer.from(publicKey, 'base64');
  if (signingKeyId(bytes) !== keyId) throw badKey(keyId, 'its id is not the SHA-256 of it');
  let key: KeyObject;
  try {
    key = createPublicKey({ key: bytes, format: 'der', type: 'spki' });
  } catch (cause) {
    throw badKey(keyId, 'it cannot be read', cause);
  }
  const isRight =
    algorithm === 'Ed25519'
      ? key.asymmetricKeyType === 'ed25519'
      : key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (!isRight) throw badKey(keyId, `it is no key for ${algorithm}`);
  return key;
}

const badKey = (keyId: string, why: string, cause?: unknown): DomainError =>
  new DomainError('bad-key', `The public key ${keyId.slice(0, 16)} cannot be used: ${why}.`, { cause });
