import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { signedManifestSchema, type SignedManifest } from '../../shared/contract/manifests.ts';
import { DomainError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { manifestName } from '../../shared/signing/manifest.ts';
import { hashFile } from '../transfers/hash-file.ts';

export interface PublishedFolder {
  readonly signed: SignedManifest;
  /** Every file but the manifest, by path with `/`. */
  readonly files: readonly { readonly path: string; readonly sizeBytes: number; readonly sha256: string }[];
}

/** A folder that `lorary pull` has made, as it is now. Throws `DomainError('folder' | 'no-manifest')`. */
export async function readPublished(folder: string): Promise<PublishedFolder> {
  const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new DomainError('folder', `There is no folder ${folder} that can be read.`, { cause });
  });
  if (!names.includes(manifestName))
    throw new DomainError(
      'no-manifest',
      `There is no ${manifestName} in ${folder}: "lorary pull" lays it beside what was published.`,
    );
  const files: PublishedFolder['files'][number][] = [];
  for (const name of names.toSorted()) {
    const path = join(folder, name);
    const { size, isFile } = await stat(path).then((found) => ({ size: found.size, isFile: found.isFile() }));
    if (!isFile || name === manifestName) continue;
    const { sha256 } = await hashFile(path, limits.partBytesMin);
    files.push({ path: name.replaceAll('\\', '/'), sizeBytes: size, sha256 });
  }
  return { signed: parse(await readFile(join(folder, manifestName), 'utf8'), folder), files };
}

function parse(text: string, folder: string): SignedManifest {
  try {
    return signedManifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new DomainError('no-manifest', `${join(folder, manifestName)} is not what "lorary pull" writes.`, { cause });
  }
}
