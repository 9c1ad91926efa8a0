/**
 * Writes the adapter that `upload.ts` sends, unless it is there: rank 20 on all linear layers in the shape of Llama 3 70B, in float32.
 * A process of its own, so that the memory this takes is not counted as the client's.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic, writeFolderAtomic } from '../gpu-job/folders/files.ts';
import { writeSafetensors, type TensorToWrite } from '../shared/formats/safetensors-write.ts';
import { encodeLoraConfig } from '../shared/methods/lora-config-file.ts';
import { loraConfigSchema, loraTensorNames } from '../shared/methods/lora.ts';
import { uniform } from '../test/support/random-base.ts';
import { linears70b, uploadAdapterFolder, uploadRank } from './upload-case.ts';

/** Values of one block that is written again and again: a validator reads each value, whatever came before. */
const block = new Float32Array(1 << 20);
const random = uniform(1);
for (let i = 0; i < block.length; i++) block[i] = 0.02 * (random() - 0.5);

async function* repeated(count: number): AsyncGenerator<Uint8Array> {
  for (let left = count; left > 0; left -= block.length)
    yield new Uint8Array(block.buffer, 0, 4 * Math.min(left, block.length));
}

if (!existsSync(uploadAdapterFolder)) {
  const tensors = linears70b.flatMap(({ module, inFeatures, outFeatures }): TensorToWrite[] => {
    const names = loraTensorNames(module);
    const tensor = (name: string, shape: readonly [number, number]): TensorToWrite => ({
      name,
      dtype: 'F32',
      shape,
      bytes: () => repeated(shape[0] * shape[1]),
    });
    return [tensor(names.A, [uploadRank, inFeatures]), tensor(names.B, [outFeatures, uploadRank])];
  });
  const config = loraConfigSchema.parse({ r: uploadRank, lora_alpha: 20, target_modules: 'all-linear' });
  await writeFolderAtomic(uploadAdapterFolder, async (folder) => {
    await writeFileAtomic(join(folder, 'adapter_config.json'), encodeLoraConfig(config));
    await writeFileAtomic(join(folder, 'adapter_model.safetensors'), (sink) => writeSafetensors(sink, tensors));
  });
}
