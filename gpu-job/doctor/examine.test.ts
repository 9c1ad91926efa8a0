import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import { limits } from '../../shared/limits.ts';
import { cudaProvider } from '../runtime/cuda-provider.ts';
import { installedRuntime } from '../runtime/installed-runtime.ts';
import { deviceChecks } from './devices.ts';
import { doctor } from './doctor.ts';
import { examine } from './examine.ts';
import { libraryChecks, loaderFolders } from './libraries.ts';
import { diskCheck, memoryCheck, workChecks } from './machine.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-doctor-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A driver's tool that says this. */
async function fakeTool(name: string, script: string): Promise<string> {
  await writeFile(at(name), `#!/bin/sh\n${script}\n`);
  await chmod(at(name), 0o755);
  return at(name);
}

const a10 = '0, NVIDIA A10G, 580.95.05, 23028, 8.6';
const says = (...rows: string[]): string => rows.map((row) => `echo '${row}'`).join('\n');
const verdicts = (found: readonly Diagnosis[]): string[] => found.map(({ what, verdict }) => `${what}: ${verdict}`);

test('a container that was meant for a GPU and has none of it hears all of that at once', async () => {
  const runtime = { ...installedRuntime(), folder: at('runtime') };
  await mkdir(runtime.folder);
  await writeFile(join(runtime.folder, 'libonnxruntime.so.1'), 'symbols VERS_1.29.0\0 of another build');
  await writeFile(join(runtime.folder, 'libonnxruntime_providers_cuda.so'), 'VERS_1.29.0');
  await writeFile(at('file'), '');
  const found = await examine({
    device: 'cuda',
    runtime,
    work: join(at('file'), 'work'),
    nvidiaSmi: at('nowhere'),
    libraryFolders: [folder],
    memoryBytes: 1e9,
  });
  expect(verdicts(found)).toEqual([
    'Node: good',
    'ONNX runtime: bad',
    'CUDA provider: bad',
    'GPU: bad',
    'CUDA libraries: bad',
    'driver library: bad',
    'product on cuda: bad',
    'cores: good',
    'memory: bad',
    'work folder: bad',
  ]);
  const detailOf = (what: string): string => found.find((one) => one.what === what)?.detail ?? '';
  expect(detailOf('ONNX runtime')).toMatch(/is of 1\.29\.0, its package of 1\.30\.0/);
  expect(detailOf('CUDA provider')).toMatch(/cuda\.so its SHA-256 is .*; .*shared\.so is not in/);
  expect(detailOf('product on cuda')).toMatch(/^Failed to load library .*providers_shared\.so/);
  expect(detailOf('work folder')).toMatch(/LORARY_WORK/);
}, 60_000);

test.each([
  ['an old driver', says('0, Tesla T4, 570.1, 15360, 7.5'), 'driver', /570\.1, and CUDA 13 needs 580/],
  ['a driver without a number', says('0, Tesla T4, [N/A], 15360, 7.5'), 'driver', /\[N\/A\], and/],
  [
    'a device that is too old',
    says(a10, '1, Tesla V100, 580.95.05, 16384, 7.0'),
    'GPU 1',
    /no code for less than 7\.5/,
  ],
  ['no device', 'true', 'GPU', /lists none/],
  [
    'a driver that is broken',
    'echo "Failed to initialize NVML" >&2; exit 9',
    'GPU',
    /fails: Failed to initialize NVML/,
  ],
] as const)('%s is bad', async (name, script, what, detail) => {
  const found = await deviceChecks(await fakeTool(`smi-${name.replaceAll(' ', '-')}`, script));
  expect(found.filter(({ verdict }) => verdict === 'bad')).toMatchObject([
    { what, detail: expect.stringMatching(detail) },
  ]);
});

test('a new driver and devices that there is code for are good', async () => {
  const t4 = '1, Tesla T4, 580.0, 15360, 7.5';
  const found = await deviceChecks(await fakeTool('smi', says(a10, t4)));
  expect(verdicts(found)).toEqual(['driver: good', 'GPU 0: good', 'GPU 1: good']);
  expect(found[1]?.detail).toBe('NVIDIA A10G, 23028 MiB, compute capability 8.6');
});

test('libraries are looked for where the loader looks', async () => {
  const cuda = at('cuda');
  await mkdir(cuda);
  for (const name of cudaProvider.libraries.slice(1)) await writeFile(join(cuda, name), '');
  const folders = loaderFolders({ LD_LIBRARY_PATH: `/nowhere::${cuda}` }).filter((path) => path.startsWith(folder));
  expect(folders).toEqual([cuda]);
  expect(libraryChecks(folders)).toMatchObject([
    { verdict: 'bad', detail: expect.stringMatching(/^no libcublasLt\.so\.13 where/) as string },
    { verdict: 'bad' },
  ]);
  await writeFile(join(cuda, 'libcublasLt.so.13'), '');
  await writeFile(join(cuda, 'libcuda.so.1'), '');
  expect(verdicts(libraryChecks(folders))).toEqual(['CUDA libraries: good', 'driver library: good']);
});

test('memory and disk are enough at the bound and not one byte below', () => {
  expect(memoryCheck(limits.jobMemoryBytesMin).verdict).toBe('good');
  expect(memoryCheck(limits.jobMemoryBytesMin - 1).verdict).toBe('bad');
  expect(diskCheck(limits.jobDiskBytesMin).verdict).toBe('good');
  expect(diskCheck(limits.jobDiskBytesMin - 1).verdict).toBe('bad');
});

test('the container of the CPU is well, and looking at its work folder leaves nothing there', async () => {
  const found = await examine({
    device: 'cpu',
    runtime: installedRuntime(),
    work: at('work'),
    nvidiaSmi: at('nowhere'),
    libraryFolders: [],
    memoryBytes: limits.jobMemoryBytesMin,
  });
  expect(found.filter(({ what, verdict }) => verdict !== 'good' && what !== 'disk')).toEqual([]);
  expect((await workChecks(at('work')))[0]).toMatchObject({ verdict: 'good' });
}, 60_000);

test('another device and another flag are refused', async () => {
  const here = { work: at('work'), environment: { LORARY_DEVICE: 'tpu' } };
  await expect(doctor([], here)).rejects.toThrow('The device is "tpu": it can be cpu or cuda.');
  await expect(doctor(['--gpu'], here)).rejects.toThrow(/doctor \[--device cpu\|cuda\]/);
});
