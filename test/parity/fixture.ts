import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { openFileSource } from '../../shared/files/file-source.ts';
import { decodeToFloat32 } from '../../shared/formats/dtype.ts';
import { readSafetensorsHeader, readTensor } from '../../shared/formats/safetensors-read.ts';
import type { Batch } from '../../gpu-job/training/batches.ts';

/** Path of something that `record.py` recorded. */
export function fixturePath(...names: string[]): string {
  return join(fileURLToPath(new URL('fixtures', import.meta.url)), ...names);
}

/** A recorded JSON file. The recorder stands beside this file, so its shape is trusted. */
export async function readFixtureJson<T>(...names: string[]): Promise<T> {
  return JSON.parse(await readFile(fixturePath(...names), 'utf8')) as T; // written by record.py, see there
}

/** One recorded tensor, as float32 whatever it was stored in. */
export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** All tensors of a recorded safetensors file. */
export async function readFixtureTensors(...names: string[]): Promise<ReadonlyMap<string, FixtureTensor>> {
  return await readTensors(fixturePath(...names));
}

/** All tensors of a safetensors file of floats. */
export async function readTensors(path: string): Promise<ReadonlyMap<string, FixtureTensor>> {
  const source = await openFileSource(path);
  try {
    const tensors = new Map<string, FixtureTensor>();
    for (const entry of (await readSafetensorsHeader(source)).tensors.values())
      tensors.set(entry.name, {
        shape: entry.shape,
        values: decodeToFloat32(entry.dtype, await readTensor(source, entry)),
      });
    return tensors;
  } finally {
    await source.close();
  }
}

/** Rows of equal length as Hugging Face takes them: `labels` unshifted, -100 = not trained. */
export interface HuggingFaceInputs {
  readonly input_ids: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[];
}

/** The batch that means the same as Hugging Face's inputs: one segment a row, labels moved to where they are predicted. */
export function batchOf({ input_ids, labels }: HuggingFaceInputs): Batch {
  const rows = input_ids.length;
  const length = input_ids[0]?.length ?? 0;
  const shifted = labels.flatMap((row) => [...row.slice(1), -100]);
  return {
    rows,
    length,
    inputIds: BigInt64Array.from(input_ids.flat().map(BigInt)),
    labels: BigInt64Array.from(shifted.map(BigInt)),
    positions: BigInt64Array.from(input_ids.flatMap((row) => row.map((_, position) => BigInt(position)))),
    segments: BigInt64Array.from(input_ids.flatMap((row) => row.map(() => 1n))),
    labelCount: shifted.filter((label) => label !== -100).length,
    sources: input_ids.map((row, index) => ({ row: index, batchRow: index, start: 0, length: row.length })),
  };
}

/** Largest deviation from the truth, relative to the truth's largest magnitude: max |a - b| / max |b|. */
export function relativeDeviation(ours: ArrayLike<number>, truth: ArrayLike<number>): number {
  if (ours.length !== truth.length) return Infinity;
  let deviation = 0;
  let size = 0;
  for (let i = 0; i < truth.length; i++) {
    const [a, b] = [ours[i] as number, truth[i] as number];
    const difference = Math.abs(a - b);
    if (!(difference <= deviation)) deviation = difference; // NaN stays
    size = Math.max(size, Math.abs(b));
  }
  return deviation === 0 ? 0 : deviation / size;
}

/** Distance from the truth in Frobenius norm, relative to the truth's: |a - b| / |b|. */
export function frobeniusDistance(ours: ArrayLike<number>, truth: ArrayLike<number>): number {
  if (ours.length !== truth.length) return Infinity;
  let squares = 0;
  let size = 0;
  for (let i = 0; i < truth.length; i++) {
    const [a, b] = [ours[i] as number, truth[i] as number];
    squares += (a - b) ** 2;
    size += b ** 2;
  }
  return Math.sqrt(squares / size);
}
