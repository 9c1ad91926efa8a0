import { generateKeyPairSync, sign } from 'node:crypto';
import { KMSClient } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import {
  atOnce,
  json,
  jsonError,
  scriptedClient,
  scriptedHttp,
  type ScriptedAnswer,
} from '../../test/support/scripted-http.ts';
import { UnavailableError } from '../errors.ts';
import { signatureOf } from '../records/signature-of.ts';
import { isSignedBy } from '../signing/signatures.ts';
import { createKmsSigner, kmsSigning } from './kms-signer.ts';

const statement = Buffer.from('what is said');

/** A key as KMS has it, and how KMS answers with it. */
function kmsKey(kind: 'ed25519' | 'p256', arn = `arn:aws:kms:eu-central-1:1:key/${kind}`) {
  const { publicKey, privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const KeySpec = kind === 'ed25519' ? 'ECC_NIST_EDWARDS25519' : 'ECC_NIST_P256';
  return {
    told: json({ KeyId: arn, KeySpec, PublicKey: spki.toString('base64') }),
    signs(body: string): ScriptedAnswer {
      const { Message, MessageType, SigningAlgorithm } = JSON.parse(body) as Record<string, string>;
      // as KMS takes them
      const expected = kind === 'ed25519' ? 'ED25519_SHA_512' : 'ECDSA_SHA_256';
      if (MessageType !== 'RAW' || SigningAlgorithm !== expected) return jsonError('InvalidKeyUsageException');
      const hash = kind === 'ed25519' ? undefined : 'sha256';
      const value = sign(hash, Buffer.from(Message ?? '', 'base64'), privateKey);
      return json({ KeyId: arn, Signature: value.toString('base64'), SigningAlgorithm });
    },
  };
}

type Answers = (operation: string, body: string, at: number) => ScriptedAnswer;

function signerOf(answers: Answers) {
  const http = scriptedHttp(({ headers, body }, at) =>
    answers(headers['x-amz-target']?.replace('TrentService.', '') ?? '', body, at),
  );
  let time = 0;
  const signer = createKmsSigner({
    key: 'alias/lorary-dev',
    client: new KMSClient(scriptedClient(http)),
    pace: atOnce,
    now: () => time,
  });
  const asked = (): (string | undefined)[] => http.sent.map(({ headers }) => headers['x-amz-target']?.split('.')[1]);
  return { signer, asked, sent: http.sent, pass: (milliseconds: number) => void (time += milliseconds) };
}

const byKey =
  (key: ReturnType<typeof kmsKey>): Answers =>
  (operation, body) =>
    operation === 'Sign' ? key.signs(body) : key.told;

describe('what keeps KMS from signing is told as such, and as passing:', () => {
  const key = kmsKey('ed25519');

  test.each(['AccessDeniedException', 'DisabledException', 'KMSInvalidStateException', 'NotFoundException'])(
    '%s, when it signs and when it tells its key',
    async (name) => {
      const signing = signerOf((operation) => (operation === 'Sign' ? jsonError(name) : key.told));
      const failed = signing.signer.sign(statement);
      await expect(failed).rejects.toThrow(UnavailableError);
      await expect(failed).rejects.toThrow(`The key alias/lorary-dev of KMS does not sign (${name})`);
      expect(signing.asked()).toEqual(['GetPublicKey', 'Sign']);
      await expect(signerOf(() => jsonError(name)).signer.key()).rejects.toThrow(UnavailableError);
    },
  );

  test.each([
    ['ThrottlingException', 400],
    ['KMSInternalException', 500],
    ['DependencyTimeoutException', 503],
  ])('%s, after some tries', async (name, status) => {
    const { signer, asked } = signerOf((operation) => (operation === 'Sign' ? jsonError(name, {}, status) : key.told));
    await expect(signer.sign(statement)).rejects.toThrow(`(${name})`);
    expect(asked()).toEqual(['GetPublicKey', 'Sign', 'Sign', 'Sign']);
    const once = signerOf((operation, body, at) =>
      at === 1 ? jsonError(name, {}, status) : byKey(key)(operation, body, at),
    );
    expect((await once.signer.sign(statement)).key.algorithm).toBe('Ed25519');
  });

  test('a key of a kind that does not sign here', async () => {
    const told = json({ KeyId: 'arn', KeySpec: 'RSA_2048', PublicKey: '' });
    await expect(signerOf(() => told).signer.sign(statement)).rejects.toThrow(/it is RSA_2048/);
  });

  test('a signature that does not hold: nothing is kept with it', async () => {
    const { signer } = signerOf((operation, body) =>
      operation === 'Sign'
        ? key.signs(
            JSON.stringify({ ...(JSON.parse(body) as object), Message: Buffer.from('else').toString('base64') }),
          )
        : key.told,
    );
    await expect(signatureOf(signer, statement)).rejects.toThrow(/is not one of what was to be signed/);
  });
});

test.each(['ed25519', 'p256'] as const)('signs what can be checked with the public key alone: %s', async (kind) => {
  const { signer, asked, sent } = signerOf(byKey(kmsKey(kind)));
  const signed = await signatureOf(signer, statement);
  if (!signed) throw new Error('it signs');
  expect(isSignedBy(signed.key, statement, signed.signature)).toBe(true);
  expect(isSignedBy(signed.key, Buffer.from('what is sait'), signed.signature)).toBe(false);
  await signer.sign(Buffer.alloc(4096));
  expect(asked()).toEqual(['GetPublicKey', 'Sign', 'Sign']);
  for (const { body } of sent) expect(JSON.parse(body)).toMatchObject({ KeyId: 'alias/lorary-dev' });
});

test('a statement has as many bytes as KMS takes, and not one more', async () => {
  const { signer } = signerOf(byKey(kmsKey('ed25519')));
  await signatureOf(signer, Buffer.alloc(4096));
  await expect(signatureOf(signer, Buffer.alloc(4097))).rejects.toThrow(/as short as KMS takes it/);
});

test.each([
  ['ed25519', 'ed25519'],
  ['p256', 'ed25519'],
] as const)(
  'where the alias is moved from a key of %s to another of %s, it is the new one that signs',
  async (one, other) => {
    const [before, after] = [kmsKey(one, 'arn:before'), kmsKey(other, 'arn:after')];
    let current = before;
    const { signer, asked } = signerOf((operation, body, at) => byKey(current)(operation, body, at));
    const first = await signer.sign(statement);
    current = after;
    const second = await signatureOf(signer, statement);
    expect(second?.key.keyId).not.toBe(first.key.keyId);
    expect(second && isSignedBy(second.key, statement, second.signature)).toBe(true);
    expect(asked()).toEqual(['GetPublicKey', 'Sign', 'Sign', 'GetPublicKey', 'Sign']);
  },
);

test('the public key is asked for anew after some minutes', async () => {
  const [before, after] = [kmsKey('p256'), kmsKey('ed25519')];
  let current = before;
  const { signer, pass } = signerOf(() => current.told);
  const { keyId } = await signer.key();
  current = after;
  pass(299_999);
  expect((await signer.key()).keyId).toBe(keyId);
  pass(1);
  expect((await signer.key()).algorithm).toBe('Ed25519');
});

test('a function whose environment names no key signs nothing', () => {
  expect(kmsSigning({ LORARY_SIGNING_KEY: '' })).toBeUndefined();
  expect(Object.keys(kmsSigning({ LORARY_SIGNING_KEY: 'alias/a' }) ?? {})).toEqual(['signer', 'signingKey']);
});
