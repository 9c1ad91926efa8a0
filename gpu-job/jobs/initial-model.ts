import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openFileSource } from '../../shared/files/file-source.ts';
import { encodeFromFloat32 } from '../../shared/formats/dtype.ts';
import { singleModelFileName } from '../../shared/formats/model-index.ts';
import { writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import { writeFileAtomic, writeFolderAtomic } from '../folders/files.ts';
import { describeModel } from '../methods/tuned-model.ts';
import { initialTensor } from '../training/initial-parameters.ts';

/** Writes a model folder with fresh weights in the shape of a config: what training from random initialisation starts from. */
export async function writeInitialModel(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  seed: number,
): Promise<void> {
  const { spec, tensors } = describeModel(config);
  const entries = tensors.map((tensor) => ({
    name: tensor.name,
    dtype: 'F32' as const,
    shape: tensor.shape,
    bytes: () => Promise.resolve(encodeFromFloat32('F32', initialTensor(tensor, spec.initializerRange, seed))),
  }));
  await writeFolderAtomic(folder, async (temporary) => {
    await writeFileAtomic(join(temporary, singleModelFileName), (sink) => writeSafetensors(sink, entries));
    await writeFileAtomic(join(temporary, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  });
}

/**
 * Tells base models apart: SHA-256 of the config, of every tensor's name, type, shape and place, and of pieces spread over
 * every file. Reading terabytes to notice a change of one weight would cost more than it protects.
 */
export async function hashWeights(base: BaseModelFolder): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(base.config));
  for (const { name, dtype, shape, file, offset } of base.tensors.values())
    hash.update(JSON.stringify([name, dtype, shape, file, offset]));
  for (const file of base.files) {
    const source = await openFileSource(join(base.path, file));
    try {
      const pieces = Math.min(piecesMax, Math.ceil(source.sizeBytes / pieceBytes));
      for (let i = 0; i < pieces; i++) {
        const at = pieces === 1 ? 0 : Math.floor((i * (source.sizeBytes - pieceBytes)) / (pieces - 1));
        hash.update(await source.read(at, Math.min(pieceBytes, source.sizeBytes - at)));
      }
    } finally {
      await source.close();
    }
  }
  return hash.digest('hex');
}

/** SHA-256 of a text. */
export const hashText = (text: string): string => createHash('sha256').update(text).digest('hex');

const pieceBytes = 65_536;
const piecesMax = 256;
