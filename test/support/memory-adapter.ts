import { createHash } from 'node:crypto';
import { bytesSource } from '../../shared/formats/bytes.ts';
import { encodeFromFloat32, isDecodable, shapeSize, type Dtype } from '../../shared/formats/dtype.ts';
import { writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import type { IncrementalHash } from '../../shared/validation/read-once.ts';
import type { AdapterFiles } from '../../shared/validation/validate-adapter.ts';
import { uniform } from './random-base.ts';

/** A tensor of an adapter in memory; without values, random ones in [-1, 1]. */
export interface MemoryTensor {
  readonly shape: readonly number[];
  readonly dtype?: Dtype;
  readonly values?: ArrayLike<number>;
  /** Values of F64 beyond what float32 can hold. */
  readonly doubles?: readonly number[];
}

export type MemoryTensors = Readonly<Record<string, MemoryTensor>>;

export const sha256 = (): IncrementalHash => {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
};

/** The bytes of a safetensors file. */
export async function safetensorsBytes(tensors: MemoryTensors, seed = 1): Promise<Uint8Array> {
  const random = uniform(seed);
  const pieces: Uint8Array[] = [];
  const toWrite = Object.entries(tensors).map(([name, { shape, dtype = 'F32', values, doubles }]) => {
    const floats = Float32Array.from(values ?? Array.from({ length: shapeSize(shape) }, () => 2 * random() - 1));
    const bytes =
      isDecodable(dtype) && dtype !== 'F64'
        ? encodeFromFloat32(dtype, floats)
        : new Uint8Array(
            dtype === 'F64' ? Float64Array.from(doubles ?? floats).buffer : Uint8Array.from(floats).buffer,
          );
    return { name, dtype, shape, bytes: () => Promise.resolve(bytes) };
  });
  await writeSafetensors({ write: (bytes) => Promise.resolve(void pieces.push(bytes.slice())) }, toWrite);
  return Buffer.concat(pieces);
}

/** An adapter's files in memory. `names`: further files. */
export function memoryFiles(
  config: unknown,
  weights: Uint8Array | undefined,
  names: readonly string[] = [],
): AdapterFiles {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return {
    names: [
      ...(config === undefined ? [] : ['adapter_config.json']),
      ...(weights ? ['adapter_model.safetensors'] : []),
      ...names,
    ],
    ...(config === undefined ? {} : { config: bytesSource(new TextEncoder().encode(text), 'adapter_config.json') }),
    ...(weights ? { weights: bytesSource(weights, 'adapter_model.safetensors') } : {}),
  };
}

/** The two tensors of a module. */
export function factors(
  module: string,
  r: number,
  inFeatures: number,
  outFeatures: number,
  dtype: Dtype = 'F32',
): MemoryTensors {
  return {
    [`base_model.model.${module}.lora_A.weight`]: { shape: [r, inFeatures], dtype },
    [`base_model.model.${module}.lora_B.weight`]: { shape: [outFeatures, r], dtype },
  };
}
