import { encodeQuantState, quantStateSuffix } from '../../shared/formats/bitsandbytes.ts';
import { dynamicValues, nf4BlockSize, nf4Values, packNf4 } from '../../shared/formats/nf4.ts';
import { packBlocks } from '../../shared/formats/pack-blocks.ts';
import type { TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { unpack } from '../../shared/formats/unpack.ts';

/** How weights shall be packed. `blockSize` is that of u4; nf4 has blocks of 64 and packed scales. */
export interface PackingChoice {
  readonly type: 'nf4' | 'u4';
  readonly blockSize: number;
}

/** A matrix of a float model. */
export interface MatrixToPack {
  readonly name: string;
  readonly shape: readonly [outFeatures: number, inFeatures: number];
  /** torch's name of its type. */
  readonly dtype: string;
  readonly values: () => Promise<Float32Array>;
}

export interface PackedTensors {
  readonly tensors: readonly TensorToWrite[];
  /** Squares of the values, and of what packing has changed of them. */
  readonly squares: number;
  readonly errorSquares: number;
}

/** Whether rows are made of whole blocks. NF4 does not need it, but bitsandbytes 0.50 on a CPU unpacks other matrices wrongly. */
export function fits({ type, blockSize }: PackingChoice, [, columns]: readonly [number, number]): boolean {
  return columns % (type === 'nf4' ? nf4BlockSize : blockSize) === 0;
}

/** Packs a matrix. What is small is kept; the codes are computed again when they are written, so that no model is in memory. */
export function packTensors(choice: PackingChoice, matrix: MatrixToPack): Promise<PackedTensors> {
  return choice.type === 'nf4' ? nf4Tensors(matrix) : blockTensors(matrix, choice.blockSize);
}

/** As bitsandbytes stores a `Linear4bit`. */
async function nf4Tensors({ name, shape, dtype, values }: MatrixToPack): Promise<PackedTensors> {
  const original = await values();
  const { packing, codes, scales, nestedScales } = packNf4(original);
  const [nested, table] = [bytesOf(nestedScales), bytesOf(dynamicValues)];
  const unpacked = unpack(packing, [
    { dtype: 'U8', bytes: codes },
    { dtype: 'U8', bytes: scales },
    { dtype: 'F32', bytes: nested },
    { dtype: 'F32', bytes: table },
  ]);
  const small = (suffix: string, type: 'U8' | 'F32', bytes: Uint8Array): TensorToWrite => ({
    name: `${name}${suffix}`,
    dtype: type,
    shape: [type === 'U8' ? bytes.length : bytes.length / 4],
    bytes: () => Promise.resolve(bytes),
  });
  const tensors: TensorToWrite[] = [
    { name, dtype: 'U8', shape: [codes.length, 1], bytes: async () => packNf4(await values()).codes },
    small('.absmax', 'U8', scales),
    small('.nested_absmax', 'F32', nested),
    small('.nested_quant_map', 'F32', table),
    small('.quant_map', 'F32', bytesOf(nf4Values)),
    small(quantStateSuffix, 'U8', encodeQuantState({ packing, shape }, dtype)),
  ];
  return { tensors, ...distance(original, unpacked) };
}

async function blockTensors({ name, shape, values }: MatrixToPack, blockSize: number): Promise<PackedTensors> {
  const original = await values();
  const { packing, codes, scales, zeros } = packBlocks(original, blockSize);
  const [out, blocks] = [shape[0], shape[1] / blockSize];
  const scaleBytes = new Uint8Array(scales.buffer);
  const unpacked = unpack(packing, [
    { dtype: 'U8', bytes: codes },
    { dtype: 'F16', bytes: scaleBytes },
    { dtype: 'U8', bytes: zeros },
  ]);
  const tensors: TensorToWrite[] = [
    {
      name,
      dtype: 'U8',
      shape: [out, blocks, blockSize / 2],
      bytes: async () => packBlocks(await values(), blockSize).codes,
    },
    { name: `${name}.scales`, dtype: 'F16', shape: [out, blocks], bytes: () => Promise.resolve(scaleBytes) },
    { name: `${name}.zeros`, dtype: 'U8', shape: [out, blocks], bytes: () => Promise.resolve(zeros) },
  ];
  return { tensors, ...distance(original, unpacked) };
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function distance(original: Float32Array, unpacked: Float32Array): { squares: number; errorSquares: number } {
  let [squares, errorSquares] = [0, 0];
  for (let i = 0; i < original.length; i++) {
    const value = original[i] as number;
    squares += value * value;
    errorSquares += (value - (unpacked[i] as number)) ** 2;
  }
  return { squares, errorSquares };
}
