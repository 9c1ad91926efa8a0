import { AlreadyExistsException, CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { createKmsSigner } from '../../shared/aws/kms-signer.ts';
import type { SigningKey } from '../../shared/platform/ports.ts';
import { emulatorKey, emulatorSecret, region } from './targets.ts';

/** Makes the key of an alias, on P-256, which every emulator of KMS knows, unless it is there; its public half, for pinning it. */
export async function makeSigningKey(endpoint: string, alias: string): Promise<SigningKey> {
  const credentials = { accessKeyId: emulatorKey, secretAccessKey: emulatorSecret };
  const client = new KMSClient({ region, endpoint, credentials });
  try {
    const asked = new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const { KeyMetadata } = await client.send(asked);
    await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata?.KeyId }));
  } catch (error) {
    if (!(error instanceof AlreadyExistsException)) throw error;
  }
  return createKmsSigner({ key: alias, client }).key();
}
