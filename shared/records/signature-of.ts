import type { Signer } from '../platform/ports.ts';
import type { Signature } from '../signing/signatures.ts';

/** The signature of these bytes, as it is kept; null where nothing signs. */
export async function signatureOf(signer: Signer | undefined, bytes: Uint8Array): Promise<Signature | null> {
  if (!signer) return null;
  const [{ keyId, algorithm }, value] = await Promise.all([signer.key(), signer.sign(bytes)]);
  return { keyId, algorithm, value: Buffer.from(value).toString('base64') };
}
