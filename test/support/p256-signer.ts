import { generateKeyPairSync, sign } from 'node:crypto';
import type { Signer, SigningKey } from '../../shared/platform/ports.ts';
import { signingKeyId } from '../../shared/signing/signatures.ts';

/** Signs as a key of KMS on P-256 does: ECDSA with SHA-256, in DER. */
export function p256Signer(): Signer & { readonly key: SigningKey } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const algorithm = 'ECDSA_P256_SHA256';
  const key = { keyId: signingKeyId(spki), algorithm, publicKey: spki.toString('base64') } as const;
  return { key, sign: async (statement) => ({ key, value: sign('sha256', statement, privateKey) }) };
}
