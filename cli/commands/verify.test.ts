import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAdapter } from '../../shared/contract/adapters.ts';
import { getVersionManifest, type SignedManifest } from '../../shared/contract/manifests.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { openFileSigner } from '../../shared/local/file-signer.ts';
import { keys } from '../../shared/records/keys.ts';
import { signatureOf } from '../../shared/records/signature-of.ts';
import { statementBytes, statementOf } from '../../shared/signing/manifest.ts';
import { publicKeyOf } from '../../shared/signing/signatures.ts';
import { p256Signer } from '../../test/support/p256-signer.ts';
import { putReadyBase } from '../../test/support/ready-base.ts';
import { runTyped } from '../../test/support/run-command.ts';
import { pushVersion, tinyAdapter } from '../../test/support/send-upload.ts';
import { openServedApi, type ServedApi } from '../../test/support/served-api.ts';
import type { RunCommand } from '../command.ts';
import { keysTrust } from './keys-trust.ts';
import { pull } from './pull.ts';
import { verify } from './verify.ts';

let api: ServedApi;
let client: ApiClient;
let home = '';
let environment: Record<string, string> = {};
beforeAll(async () => {
  api = await openServedApi();
  client = await api.client();
  await putReadyBase(api.world, 'blue', 'tiny');
  await client.call(createAdapter, { body: { name: 'french', base: 'tiny' } });
  await pushVersion(api, client, 'french', { base: 'tiny', files: await tinyAdapter(1) });
  await api.settle();
});
afterAll(() => api.close());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lorary-verify-'));
  environment = { LORARY_DATA: home, LORARY_URL: api.url, LORARY_KEY: await api.key('blue') };
  await run(keysTrust);
  await run(pull, 'french@1', '--output', folder());
});
afterEach(() => rm(home, { recursive: true, force: true }));

const folder = (): string => join(home, 'french');
const manifestPath = (): string => join(folder(), 'manifest.lorary');

const run = (command: RunCommand, ...words: string[]) => runTyped(command, environment, words);

async function changeManifest(change: (signed: SignedManifest) => void): Promise<void> {
  const signed = JSON.parse(await readFile(manifestPath(), 'utf8')) as SignedManifest; // as pull writes it
  change(signed);
  await writeFile(manifestPath(), JSON.stringify(signed));
}

test('a folder that was pulled is what was published, with no server, however its manifest is laid out', async () => {
  environment = { LORARY_DATA: home };
  expect(await run(verify, folder())).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^It is french@1/) as string,
  });
  await changeManifest(() => undefined);
  expect((await run(verify, folder())).code).toBe(0);
  expect((await stat(join(home, 'trusted-keys.json'))).mode & 0o777).toBe(0o600);
});

test('a signature by a key on P-256 is as good, pinned as JSON or as PEM', async () => {
  const signer = p256Signer();
  await changeManifest((signed) => void Object.assign(signed, { key: signer.key }));
  const signed = JSON.parse(await readFile(manifestPath(), 'utf8')) as SignedManifest; // as pull writes it
  const by = await signatureOf(signer, statementBytes(signed.statement));
  await changeManifest((manifest) => void (manifest.signature = by?.signature ?? null));
  expect((await run(verify, folder())).out).toMatch(/not trusted here/);
  const [json, pem] = [join(home, 'key.json'), join(home, 'key.pem')];
  await writeFile(json, JSON.stringify(signer.key));
  await writeFile(pem, publicKeyOf(signer.key).export({ format: 'pem', type: 'spki' }));
  for (const file of [json, pem]) expect(await run(verify, folder(), '--key', file)).toMatchObject({ code: 0 });
  await changeManifest(({ statement }) => void Object.assign(statement, { name: 'german' }));
  expect((await run(verify, folder(), '--key', pem)).out).toMatch(/the signature is not one of what it says/);
});

test('of a name the hashes that the server tells are compared', async () => {
  expect((await run(verify, 'french@latest')).code).toBe(0);
  const { manifest } = await client.call(getVersionManifest, { params: { adapter: 'french', version: '1' } });
  expect(manifest).toMatchObject({
    kind: 'adapter',
    name: 'french',
    version: 1,
    base: { name: 'tiny', id: expect.stringMatching(/^bas_/) as string, source: expect.anything() as object },
    lineage: { origin: 'upload' },
    madeWith: { release: '0.1.0' },
  });
});

describe('what was done to it is told:', () => {
  const told = async (): Promise<string> => {
    const { code, out } = await run(verify, folder());
    expect(code).toBe(2);
    return out;
  };

  test('a byte of a file', async () => {
    const path = join(folder(), 'adapter_model.safetensors');
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(path, bytes);
    expect(await told()).toMatch(/^adapter_model\.safetensors: its SHA-256 is .{64}; published was .{64}$/);
  });

  test('a file that is longer, one that is missing and one that was added, all at once', async () => {
    await appendFile(join(folder(), 'adapter_config.json'), '\n');
    await rm(join(folder(), 'adapter_model.safetensors'));
    await writeFile(join(folder(), 'new_embeddings.safetensors'), '');
    expect((await told()).split('\n').map((line) => line.replace(/\d+/g, 'N'))).toEqual([
      'adapter_config.json: it has N bytes; published were N',
      'adapter_model.safetensors: it was published and is not here',
      'new_embeddings.safetensors: it is here and was not published',
    ]);
  });

  test('a word of the manifest, with its statement made to fit or not', async () => {
    await changeManifest(({ manifest }) => Object.assign(manifest.lineage, { origin: 'train' }));
    expect(await told()).toBe('manifest.lorary: the manifest is not the one that was signed');
    await changeManifest((signed) => void (signed.statement = statementOf(signed.manifest)));
    expect(await told()).toBe('manifest.lorary: the signature is not one of what it says');
  });

  test('a manifest of something else that is good in itself', async () => {
    await pushVersion(api, client, 'french', { base: 'tiny', files: await tinyAdapter(2) });
    await api.settle();
    await run(pull, 'french@2', '--output', join(home, 'other'));
    await writeFile(manifestPath(), await readFile(join(home, 'other', 'manifest.lorary')));
    expect(await told()).toMatch(/^adapter_model\.safetensors: its SHA-256/);
  });

  test('a signature by a key that nobody trusts, though the manifest brings it along', async () => {
    const other = await openFileSigner(join(home, 'other.key'));
    const key = await other.key();
    await changeManifest((signed) => {
      signed.key = key;
      signed.signature = { keyId: key.keyId, algorithm: key.algorithm, value: signed.signature?.value ?? '' };
    });
    expect(await told()).toMatch(/it is signed by the key .{64}, which is not trusted here/);
    const file = join(home, 'key.json');
    await writeFile(file, JSON.stringify(key));
    expect((await run(verify, folder(), '--key', file)).out).toMatch(/the signature is not one of what it says/);
  });

  test('no signature at all', async () => {
    await changeManifest((signed) => void (signed.signature = null));
    expect(await told()).toMatch(/it is not signed/);
  });
});

test('without a trusted key, a manifest or a folder it says what to do', async () => {
  await rm(join(home, 'trusted-keys.json'));
  await expect(run(verify, folder())).rejects.toThrow(/lorary keys trust/);
  await run(keysTrust);
  await rm(manifestPath());
  await expect(run(verify, folder())).rejects.toThrow(/There is no manifest\.lorary/);
  await expect(run(verify, './nowhere')).rejects.toMatchObject({ code: 'folder' });
});

test('what an earlier release has published is fetched all the same', async () => {
  const { manifest } = await client.call(getVersionManifest, { params: { adapter: 'french', version: '1' } });
  const record = await api.world.table.get(keys.manifest('blue', manifest.id));
  await api.world.table.delete(keys.manifest('blue', manifest.id));
  await run(pull, 'french@1', '--output', join(home, 'old'));
  await expect(run(verify, 'french@1')).rejects.toMatchObject({ code: 'no-manifest' });
  if (record) await api.world.table.put({ key: record.key, value: record.value });
});
