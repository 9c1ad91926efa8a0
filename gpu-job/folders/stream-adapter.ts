import { join } from 'node:path';
import { pairLoraTensors } from '../../shared/domain/adapter-tensors.ts';
import { invariant, refuseErrors } from '../../shared/errors.ts';
import { encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import { safetensorsOrder, writeSafetensors, type TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { encodeLoraConfig } from '../../shared/methods/lora-config-file.ts';
import { loraTensorNames, type LoraConfig } from '../../shared/methods/lora.ts';
import { adapterConfigFileName, adapterWeightsFileName, storedModuleFindings, type LoraModule } from './adapter.ts';
import { writeFileAtomic, writeFolderAtomic } from './files.ts';
import { hashFile, hashingSink, type FileDigest } from './hashes.ts';

/** A module whose values are not known yet. */
export type PlannedModule = Pick<LoraModule, 'module' | 'r' | 'inFeatures' | 'outFeatures'>;

export interface AdapterStream {
  readonly config: LoraConfig;
  readonly modules: readonly PlannedModule[];
  readonly dtype: FloatDtype;
  /** Asked once for each module, in the order of the file; its factors are written and forgotten. */
  compute(module: PlannedModule): Promise<LoraModule>;
  /** Further files, asked for when the tensors are written. */
  files(written: Readonly<Record<string, FileDigest>>): Readonly<Record<string, string>>;
}

/**
 * Writes a PEFT adapter folder, holding the factors of one module at a time; it appears complete or not at all. Throws
 * `DomainError('adapter-unwritable')` for what `writeAdapterFolder` refuses, `DomainError('folder-exists')` when something is there.
 */
export async function streamAdapterFolder(path: string, stream: AdapterStream): Promise<void> {
  const { config, dtype } = stream;
  const refuse = (findings: Parameters<typeof refuseErrors>[2]): unknown =>
    refuseErrors('adapter-unwritable', `The adapter cannot be written to ${path}:`, findings);
  const tensors = plannedTensors(stream, (module) => refuse(storedModuleFindings(module, config, dtype)));
  refuse(pairLoraTensors(config, tensors).findings);
  await writeFolderAtomic(path, async (folder) => {
    const written: Record<string, FileDigest> = {};
    await writeFileAtomic(join(folder, adapterWeightsFileName), async (sink) => {
      const hashing = hashingSink(sink);
      await writeSafetensors(hashing, tensors);
      written[adapterWeightsFileName] = hashing.digest();
    });
    await writeFileAtomic(join(folder, adapterConfigFileName), encodeLoraConfig(config));
    written[adapterConfigFileName] = await hashFile(join(folder, adapterConfigFileName));
    for (const [name, content] of Object.entries(stream.files(written)))
      await writeFileAtomic(join(folder, name), content);
  });
}

/** A and B of a module follow each other in the file, so one module is in memory at a time. */
function plannedTensors(stream: AdapterStream, check: (module: LoraModule) => unknown): TensorToWrite[] {
  const { dtype } = stream;
  let current: LoraModule | undefined;
  const factors = async (planned: PlannedModule): Promise<LoraModule> => {
    if (current?.module === planned.module) return current;
    current = await stream.compute(planned);
    const { r, module } = current;
    invariant(r === planned.r, `${module} has the rank ${planned.r} that was planned, not ${r}`);
    check(current);
    return current;
  };
  const tensors = stream.modules.flatMap((planned): TensorToWrite[] => {
    const { r, inFeatures, outFeatures } = planned;
    const names = loraTensorNames(planned.module);
    const values = async (side: 'A' | 'B'): Promise<Uint8Array> =>
      encodeFromFloat32(dtype, (await factors(planned))[side]);
    return [
      { name: names.A, dtype, shape: [r, inFeatures], bytes: () => values('A') },
      { name: names.B, dtype, shape: [outFeatures, r], bytes: () => values('B') },
    ];
  });
  return safetensorsOrder(tensors);
}
