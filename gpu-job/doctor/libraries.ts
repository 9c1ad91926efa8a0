import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import { cudaProvider } from '../runtime/cuda-provider.ts';

/** Whether the loader would find what the CUDA provider is linked against. */
export function libraryChecks(folders: readonly string[]): Diagnosis[] {
  const find = (name: string): string | undefined =>
    folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const missing = cudaProvider.libraries.filter((name) => find(name) === undefined);
  const { driverLibrary } = cudaProvider;
  const driver = find(driverLibrary);
  return [
    missing.length === 0
      ? { what: 'CUDA libraries', verdict: 'good', detail: cudaProvider.libraries.join(', ') }
      : {
          what: 'CUDA libraries',
          verdict: 'bad',
          detail: `no ${missing.join(', ')} where the loader looks: build the image from a cudnn-runtime base of CUDA 13`,
        },
    driver === undefined
      ? {
          what: 'driver library',
          verdict: 'bad',
          detail: `no ${driverLibrary}: the container toolkit lends it to containers that were given a GPU`,
        }
      : { what: 'driver library', verdict: 'good', detail: driver },
  ];
}

/** Where the loader looks: `LD_LIBRARY_PATH`, its configuration, and its own folders. */
export function loaderFolders(environment: Readonly<Record<string, string | undefined>>): string[] {
  const named = (environment['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [...new Set([...named, ...configuredFolders(), ...ownFolders])];
}

const ownFolders = ['x86_64', 'aarch64']
  .flatMap((machine) => [`/usr/lib/${machine}-linux-gnu`, `/lib/${machine}-linux-gnu`])
  .concat('/usr/lib64', '/usr/lib', '/lib');

function configuredFolders(): string[] {
  const folder = '/etc/ld.so.conf.d';
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.conf'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line.startsWith('/'));
}
