import { invariant, UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { JsonObject, Signer, SigningKey } from '../platform/ports.ts';
import { isSignedBy, type Signature } from '../signing/signatures.ts';

/**
 * The signature of these bytes and the key that it is by, as they are kept; undefined where nothing signs. `about`: what the bytes are made
 * from. Throws `UnavailableError` where the signer is not to be had, and for a signature that does not hold: nobody could check it later.
 */
export async function signatureOf(
  signer: Signer | undefined,
  bytes: Uint8Array,
  about?: JsonObject,
): Promise<{ readonly signature: Signature; readonly key: SigningKey } | undefined> {
  if (!signer) return undefined;
  invariant(bytes.byteLength <= limits.signedBytesMax, 'a statement is as short as KMS takes it');
  const { key, value } = await signer.sign(bytes, about);
  const { keyId, algorithm } = key;
  const signature: Signature = { keyId, algorithm, value: Buffer.from(value).toString('base64') };
  if (!isSignedBy(key, bytes, signature))
    throw new UnavailableError(`The signature by the key ${keyId.slice(0, 16)} is not one of what was to be signed.`);
  return { signature, key };
}
