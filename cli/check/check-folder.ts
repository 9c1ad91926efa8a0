import { join } from 'node:path';
import type { AdapterValidation } from '../../shared/contract/adapter-validation.ts';
import { adapterConfigName, adapterWeightsName } from '../../shared/domain/adapter-files.ts';
import type { BaseTensor } from '../../shared/domain/base-modules.ts';
import { openFileSource, type FileSource } from '../../shared/files/file-source.ts';
import { newSha256 } from '../../shared/files/sha256.ts';
import { validateAdapter } from '../../shared/validation/validate-adapter.ts';

/** Validates the adapter in a folder of this machine. `names`: its files. */
export async function checkFolder(
  folder: string,
  names: readonly string[],
  options: {
    readonly baseTensors?: Iterable<BaseTensor> | undefined;
    readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  },
): Promise<AdapterValidation> {
  const open = async (name: string): Promise<FileSource | undefined> =>
    names.includes(name) ? openFileSource(join(folder, name)) : undefined;
  const config = await open(adapterConfigName);
  const weights = await open(adapterWeightsName);
  try {
    const files = { names, ...(config ? { config } : {}), ...(weights ? { weights } : {}) };
    return await validateAdapter(files, { ...options, newHash: newSha256, refuseOtherFiles: false });
  } finally {
    await config?.close();
    await weights?.close();
  }
}
