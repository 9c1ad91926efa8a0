import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DomainError } from '../../shared/errors.ts';
import { cudaProvider } from '../runtime/cuda-provider.ts';
import { installedRuntime, type InstalledRuntime } from '../runtime/installed-runtime.ts';
import { coreVersion } from '../runtime/runtime-files.ts';
import { placeProvider } from './place-provider.ts';

let folder = '';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const pin = { version: '1.30.0', files: { 'cuda.so': sha256('cuda'), 'shared.so': sha256('shared') } };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-provider-'));
  await mkdir(join(folder, 'unpacked'));
  await writeFile(join(folder, 'unpacked', 'cuda.so'), 'cuda');
  await writeFile(join(folder, 'unpacked', 'shared.so'), 'shared');
});
afterAll(() => rm(folder, { recursive: true }));

/** A runtime whose package and core say these versions. */
async function runtimeOf(name: string, version: string, core = version): Promise<InstalledRuntime> {
  const place = join(folder, name);
  await mkdir(place);
  await writeFile(join(place, 'libonnxruntime.so.1'), `\0VERS_${core}\0`);
  return { version, folder: place };
}

const refusal = async (work: Promise<void>): Promise<string> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DomainError);
  return (error as DomainError).message;
};

test('a provider of another version is refused, and so is a core that its package does not know', async () => {
  const newer = await runtimeOf('newer', '1.31.1', '1.30.0');
  const message = await refusal(placeProvider(join(folder, 'unpacked'), newer, pin));
  expect(message).toMatch(/libonnxruntime\.so\.1: is of 1\.30\.0, its package of 1\.31\.1/);
  expect(message).toMatch(/is 1\.31\.1, the CUDA provider 1\.30\.0: they have to be the same/);
  expect(await readdir(newer.folder)).toEqual(['libonnxruntime.so.1']);
});

test('bytes with another hash and a file that is not there are refused together, and nothing is copied', async () => {
  const place = await runtimeOf('same', '1.30.0');
  const files = { 'cuda.so': sha256('what was reviewed'), 'other.so': sha256('') };
  const message = await refusal(placeProvider(join(folder, 'unpacked'), place, { ...pin, files }));
  expect(message).toMatch(/cuda\.so: its SHA-256 is .*\n.*other\.so: is not in/);
  expect(await readdir(place.folder)).toEqual(['libonnxruntime.so.1']);
});

test('what belongs to the runtime is put beside its core', async () => {
  const place = await runtimeOf('good', '1.30.0');
  await placeProvider(join(folder, 'unpacked'), place, pin);
  expect((await readdir(place.folder)).toSorted()).toEqual(['cuda.so', 'libonnxruntime.so.1', 'shared.so']);
});

test('the pinned provider is of the version that is installed, and both files name the same one', async () => {
  const { version, folder: place } = installedRuntime();
  expect(cudaProvider.version).toBe(version);
  expect(await coreVersion(place)).toBe(version);
  const pinned = await readFile(new URL('provider.txt', import.meta.url), 'utf8');
  expect(pinned).toMatch(new RegExp(`^onnxruntime-gpu==${version} --hash=sha256:[0-9a-f]{64}$`, 'm'));
});
