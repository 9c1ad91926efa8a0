import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseErrors } from '../../shared/errors.ts';
import { cudaProvider } from '../runtime/cuda-provider.ts';
import { installedRuntime, type InstalledRuntime } from '../runtime/installed-runtime.ts';
import { coreFindings, providerFindings } from '../runtime/runtime-files.ts';

/**
 * Puts the CUDA provider's files beside the runtime's core, when they are the ones that belong to it. Throws `DomainError('provider')` with
 * all that does not fit; nothing is copied then.
 */
export async function placeProvider(
  from: string,
  runtime: InstalledRuntime,
  pin: { readonly version: string; readonly files: Readonly<Record<string, string>> } = cudaProvider,
): Promise<void> {
  const findings = [...(await coreFindings(runtime)), ...(await providerFindings(from, runtime, pin))];
  refuseErrors('provider', 'The CUDA provider does not belong to the installed runtime:', findings);
  for (const name of Object.keys(pin.files)) await copyFile(join(from, name), join(runtime.folder, name));
}

const startedAs = process.argv[1];
if (startedAs !== undefined && import.meta.url === pathToFileURL(startedAs).href)
  await placeProvider(process.argv[2] ?? '.', installedRuntime());
