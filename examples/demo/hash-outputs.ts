import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** SHA-256 of every weight file below the folders, by path relative to `root`, with forward slashes. */
export async function hashOutputs(root: string, folders: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const folder of folders)
    for (const name of (await readdir(folder)).sort()) {
      if (!name.endsWith('.safetensors')) continue;
      const hash = createHash('sha256');
      await pipeline(createReadStream(join(folder, name)), hash);
      hashes[relative(root, join(folder, name)).split(sep).join('/')] = hash.digest('hex');
    }
  return hashes;
}
