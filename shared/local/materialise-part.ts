import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { invariant } from '../errors.ts';
import type { ModelFolder } from '../platform/generator-messages.ts';
import type { World } from '../platform/ports.ts';
import type { ModelPart } from '../platform/text-generator.ts';

/** The files of a part as a folder below `folder`, laid out once: an id is the same content for ever. */
export async function materialisePart(
  blobs: World['blobs'],
  folder: string,
  { id, files }: ModelPart,
): Promise<ModelFolder & { readonly sizeBytes: number }> {
  invariant(/^[a-z]+_[a-z0-9]+$/.test(id), `${id} is an id`);
  const home = join(folder, id);
  if (!(await isThere(home))) {
    const draft = `${home}.draft`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true });
    for (const { path, blob } of files) {
      await mkdir(dirname(join(draft, path)), { recursive: true });
      await blobs.materialise(blob, join(draft, path));
    }
    await rename(draft, home);
  }
  let sizeBytes = 0;
  for (const { path } of files) sizeBytes += (await stat(join(home, path))).size;
  return { id, folder: home, sizeBytes };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
