import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { adapterConfigName, adapterFileKind } from '../../shared/domain/adapter-files.ts';
import { manifestName } from '../../shared/signing/manifest.ts';
import { DomainError } from '../../shared/errors.ts';

/** Files of an adapter's folder, by name. */
export interface AdapterFolder {
  readonly send: readonly { readonly path: string; readonly localPath: string }[];
  /** Names of files that do not belong to an adapter and stay here, such as metrics and the optimizer's state. */
  readonly left: readonly string[];
}

/** What of a folder is sent as an adapter. Throws `DomainError('folder')`. */
export async function adapterFiles(folder: string): Promise<AdapterFolder> {
  const all = await readdir(folder).catch((error: unknown) => {
    throw new DomainError(
      'folder',
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? `There is no folder ${folder}.`
        : `${folder} is no folder that can be read: ${(error as Error).message}`,
    );
  });
  const names: string[] = [];
  // a cache of the hub holds links; what they lead to counts
  for (const name of all.toSorted()) if ((await stat(join(folder, name))).isFile()) names.push(name);
  if (!names.includes(adapterConfigName))
    throw new DomainError('folder', `${folder} is no adapter: there is no ${adapterConfigName} in it.`);
  const send = names.filter(belongs);
  return {
    send: send.map((path) => ({ path, localPath: join(folder, path) })),
    left: names.filter((name) => !belongs(name) && !name.startsWith('.') && name !== manifestName),
  };
}

/** Weights in a pickle are sent, so that the refusal says what is wrong with them; those of an optimizer are not. */
function belongs(name: string): boolean {
  const kind = adapterFileKind(name);
  return kind === 'pickle' ? name.startsWith('adapter') : kind !== 'foreign' && !name.startsWith('.');
}
