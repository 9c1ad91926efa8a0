import { createHash } from 'node:crypto';
import { GetPublicKeyCommand, InvalidKeyUsageException, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { UnavailableError } from '../errors.ts';
import type { Signed, Signer, SigningKey } from '../platform/ports.ts';
import { attempt, defaultPace, type Pace } from './attempts.ts';
import { lineTimeouts } from './clients.ts';
import { environmentNames } from './environment.ts';

export interface KmsSignerOptions {
  /** Name of the alias (`alias/...`) under which the key is asked for. */
  readonly key: string;
  readonly client?: KMSClient;
  readonly pace?: Pace;
  readonly now?: () => number;
}

export interface KmsSigner extends Signer {
  /** The key that the alias leads to, as it was at most five minutes ago. */
  key(): Promise<SigningKey>;
}

/** A key of KMS by its own name, not that of the alias, which may lead to another one later. */
interface KmsKey {
  readonly arn: string;
  readonly key: SigningKey;
}

/** What signs here, by KMS's name for the kind of a key. Both take a message of 4,096 bytes as it is and hash it themselves. */
const kinds = {
  ECC_NIST_EDWARDS25519: { algorithm: 'Ed25519', kms: 'ED25519_SHA_512' },
  ECC_NIST_P256: { algorithm: 'ECDSA_P256_SHA256', kms: 'ECDSA_SHA_256' },
} as const;

/**
 * Signs with the asymmetric key of KMS that an alias leads to: Ed25519 or ECDSA on P-256. When the alias is moved, the next signature
 * is by the new key and says so. Throws `UnavailableError` for whatever keeps KMS from signing: an outage passes, a right or a key can be given
 * back, and what waits for its signature is as it was.
 */
export function createKmsSigner({
  key: alias,
  client = new KMSClient({ maxAttempts: 1, ...lineTimeouts }),
  pace = defaultPace,
  now = Date.now,
}: KmsSignerOptions): KmsSigner {
  let known: { readonly key: KmsKey; readonly until: number } | undefined;
  const ask = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await attempt(call, { repeatable: true, pace });
    } catch (error) {
      throw error instanceof InvalidKeyUsageException ? error : notToBeHad(alias, error);
    }
  };
  const readKey = async (): Promise<KmsKey> => {
    const { KeyId, KeySpec, PublicKey } = await ask(() => client.send(new GetPublicKeyCommand({ KeyId: alias })));
    const kind = KeySpec !== undefined && KeySpec in kinds ? kinds[KeySpec as keyof typeof kinds] : undefined; // just looked up
    if (!kind || KeyId === undefined || PublicKey === undefined)
      throw new UnavailableError(`The key ${alias} of KMS is for no signature that is known here: it is ${KeySpec}.`);
    const keyId = createHash('sha256').update(PublicKey).digest('hex');
    const publicKey = Buffer.from(PublicKey).toString('base64');
    const key = { arn: KeyId, key: { keyId, algorithm: kind.algorithm, publicKey } };
    known = { key, until: now() + keptMilliseconds };
    return key;
  };
  const currentKey = async (): Promise<KmsKey> => (known && known.until > now() ? known.key : readKey());
  /** Undefined: the alias leads to another key by now. */
  const signBy = async ({ arn, key }: KmsKey, statement: Uint8Array): Promise<Signed | undefined> => {
    const { kms } = Object.values(kinds).find(({ algorithm }) => algorithm === key.algorithm) ?? kinds.ECC_NIST_P256;
    const order = { KeyId: alias, Message: statement, MessageType: 'RAW', SigningAlgorithm: kms } as const;
    try {
      const { KeyId, Signature } = await ask(() => client.send(new SignCommand(order)));
      return KeyId === arn && Signature ? { key, value: Signature } : undefined;
    } catch (error) {
      if (error instanceof InvalidKeyUsageException) return undefined;
      throw error;
    }
  };
  return {
    key: async () => (await currentKey()).key,
    async sign(statement) {
      const signed = (await signBy(await currentKey(), statement)) ?? (await signBy(await readKey(), statement));
      if (signed) return signed;
      throw new UnavailableError(`The alias ${alias} of KMS is moved from key to key just now: try again.`);
    },
  };
}

/** A new key counts soon, and a list of what is signed does not ask for the key each time. */
const keptMilliseconds = 300_000;

function notToBeHad(alias: string, cause: unknown): UnavailableError {
  // what says only that AWS did not answer has the reason as its cause
  const { name } = cause instanceof UnavailableError && cause.cause instanceof Error ? cause.cause : (cause as Error);
  const what = `The key ${alias} of KMS does not sign (${name})`;
  return new UnavailableError(`${what}: nothing is published until it does.`, { cause });
}

/** How a function signs whose environment names a key, as parts of its world. */
export function kmsSigning(
  environment: Readonly<Record<string, string | undefined>>,
): { readonly signer: Signer; readonly signingKey: () => Promise<SigningKey> } | undefined {
  const key = environment[environmentNames.signingKey];
  if (!key) return undefined;
  const signer = createKmsSigner({ key });
  return { signer, signingKey: () => signer.key() };
}
