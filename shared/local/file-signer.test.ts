import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isSignedBy, publicKeyOf } from '../signing/signatures.ts';
import { openFileSigner } from './file-signer.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-signer-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const statement = Buffer.from('what is said');
const by = (value: Uint8Array, key: { keyId: string; algorithm: 'Ed25519' }) => ({
  keyId: key.keyId,
  algorithm: key.algorithm,
  value: Buffer.from(value).toString('base64'),
});

test('several processes sign with the same key, which only its owner can read', async () => {
  const path = join(folder, 'identity.key');
  const [one, two] = await Promise.all([openFileSigner(path), openFileSigner(path)]);
  const key = await one.key();
  expect(await two.key()).toEqual(key);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const signed = await two.sign(statement);
  expect(signed.key).toEqual(key);
  const signature = by(signed.value, { ...key, algorithm: 'Ed25519' });
  expect(isSignedBy(key, statement, signature)).toBe(true);
  expect(isSignedBy(key, Buffer.from('what is sait'), signature)).toBe(false);
  const other = await (await openFileSigner(join(folder, 'other.key'))).key();
  expect(isSignedBy(other, statement, { ...signature, keyId: other.keyId })).toBe(false);
});

test('a damaged key is told, and a public key that is not what it says is refused', async () => {
  const path = join(folder, 'identity.key');
  const key = await (await openFileSigner(path)).key();
  await writeFile(path, Buffer.alloc(48));
  await expect(openFileSigner(path)).rejects.toMatchObject({ code: 'damaged-secret' });
  expect(() => publicKeyOf({ ...key, keyId: 'another' })).toThrow(/its id is not the SHA-256/);
  expect(() => publicKeyOf({ ...key, algorithm: 'ECDSA_P256_SHA256' })).toThrow(/no key for ECDSA/);
});
