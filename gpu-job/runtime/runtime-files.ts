import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../../shared/errors.ts';
import { hashFile } from '../folders/hashes.ts';
import { cudaProvider } from './cuda-provider.ts';
import type { InstalledRuntime } from './installed-runtime.ts';

/** Name of the core library on Linux, where the images run. */
export const coreName = 'libonnxruntime.so.1';

/** The version that the core library itself carries; `undefined` when it cannot be told. */
export async function coreVersion(folder: string): Promise<string | undefined> {
  const bytes = await readFile(join(folder, coreName)).catch(() => undefined);
  if (!bytes) return undefined;
  // the tag of its exported symbols
  const at = bytes.indexOf('VERS_');
  return at < 0 ? undefined : /^VERS_(\d+\.\d+\.\d+)/.exec(bytes.toString('latin1', at, at + 32))?.[1];
}

/** What is wrong with the core: its version is not the package's. */
export async function coreFindings({ version, folder }: InstalledRuntime): Promise<Finding[]> {
  const found = await coreVersion(folder);
  if (found === version) return [];
  const message =
    found === undefined
      ? `is missing, or carries no version: install onnxruntime-node ${version} again`
      : `is of ${found}, its package of ${version}: install again with npm ci`;
  return [error('core-version', coreName, message)];
}

/** What is wrong with the provider's files in `folder`, which are to run with `runtime`: all of it. */
export async function providerFindings(
  folder: string,
  runtime: Pick<InstalledRuntime, 'version'>,
  pin: { readonly version: string; readonly files: Readonly<Record<string, string>> } = cudaProvider,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (pin.version !== runtime.version)
    findings.push(
      error(
        'provider-version',
        'onnxruntime-node',
        `is ${runtime.version}, the CUDA provider ${pin.version}: they have to be the same`,
      ),
    );
  for (const [name, expected] of Object.entries(pin.files)) {
    const digest = await hashFile(join(folder, name)).catch(() => undefined);
    if (!digest) findings.push(error('provider-missing', name, `is not in ${folder}`));
    else if (digest.sha256 !== expected)
      findings.push(
        error('provider-hash', name, `its SHA-256 is ${digest.sha256}; that of ${pin.version} is ${expected}`),
      );
  }
  return findings;
}

const error = (code: string, where: string, message: string): Finding => ({ severity: 'error', code, where, message });
