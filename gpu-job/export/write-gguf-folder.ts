import { join } from 'node:path';
import { invariant, UnavailableError } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { readGgufHeader } from '../../shared/formats/gguf-header.ts';
import type { GgufMetadata } from '../../shared/formats/gguf-metadata-write.ts';
import { ggufTensorBytes, writeGguf, type GgufTensorToWrite } from '../../shared/formats/gguf-write.ts';
import { writeFileAtomic, writeFolderAtomic } from '../folders/files.ts';
import { hashFile, hashingSink, type FileDigest } from '../folders/hashes.ts';
import type { JobContext } from '../jobs/job-context.ts';

export interface GgufFolder {
  readonly fileName: string;
  readonly metadata: GgufMetadata;
  readonly tensors: readonly GgufTensorToWrite[];
  /** Further files: their text, or a copy made by `fill`. */
  readonly files: Readonly<Record<string, string>>;
  /** Puts more files into the folder; resolves to their names. */
  readonly fill?: (folder: string) => Promise<readonly string[]>;
}

/** Writes a folder with one GGUF file that appears complete or not at all; resolves to the digests of all its files. */
export async function writeGgufFolder(
  path: string,
  { fileName, metadata, tensors, files, fill }: GgufFolder,
  context: JobContext,
): Promise<Readonly<Record<string, FileDigest>>> {
  const digests: Record<string, FileDigest> = {};
  await writeFolderAtomic(path, async (folder) => {
    await writeFileAtomic(join(folder, fileName), async (sink) => {
      const hashing = hashingSink(sink);
      await writeGguf(hashing, metadata, watched(tensors, context));
      digests[fileName] = hashing.digest();
    });
    await readBack(join(folder, fileName), tensors);
    for (const [name, text] of Object.entries(files)) await writeFileAtomic(join(folder, name), text);
    const copied = (await fill?.(folder)) ?? [];
    for (const name of [...Object.keys(files), ...copied]) digests[name] = await hashFile(join(folder, name));
  });
  return digests;
}

/** Reports each tensor when it is done, and stops where that is asked for. */
function watched(tensors: readonly GgufTensorToWrite[], context: JobContext): GgufTensorToWrite[] {
  const total = tensors.reduce((sum, tensor) => sum + ggufTensorBytes(tensor), 0);
  let done = 0;
  return tensors.map((tensor) => ({
    ...tensor,
    async *bytes() {
      if (context.stopRequested()) throw new UnavailableError('The export was stopped before it was complete.');
      const bytes = tensor.bytes();
      if (Symbol.asyncIterator in bytes) yield* bytes;
      else yield await bytes;
      done += ggufTensorBytes(tensor);
      context.emit({ type: 'progress', stage: 'export', done, total, unit: 'bytes' });
    },
  }));
}

/** The header as any reader will find it: names, types, shapes, sizes. */
async function readBack(path: string, tensors: readonly GgufTensorToWrite[]): Promise<void> {
  const source = await openFileSource(path);
  try {
    const header = await readGgufHeader(source);
    for (const tensor of tensors) {
      const read = header.tensors.get(tensor.name);
      const same = read?.type.name === tensor.type && read.shape.join() === tensor.shape.join();
      invariant(same && read.lengthBytes === ggufTensorBytes(tensor), `${tensor.name} stands in the file as written`);
    }
    invariant(header.tensors.size === tensors.length, 'the file holds the tensors that were written and no other');
  } finally {
    await source.close();
  }
}
