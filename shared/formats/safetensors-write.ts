import { DomainError, invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ByteSink } from './bytes.ts';
import { dtypeBits, type Dtype } from './dtype.ts';
import { headerTooLargeMessage, safetensorsPrefixBytes } from './safetensors-header.ts';

/** A tensor whose bytes are asked for only when their turn comes. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian values in row-major order, whole or in pieces. */
  bytes(): Promise<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes a safetensors file front to back, holding one tensor (or one piece of it) at a time.
 * The order is that of the reference implementation, wide types first and then by name, so equal tensors give equal bytes.
 * Throws `DomainError('safetensors-unwritable')` for names that cannot stand side by side or a header past the limit.
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const ordered = safetensorsOrder(tensors);
  await sink.write(encodeSafetensorsHeader(ordered, metadata));
  for (const tensor of ordered) {
    let written = 0;
    for await (const piece of pieces(tensor.bytes())) {
      await sink.write(piece);
      written += piece.byteLength;
    }
    invariant(
      written === tensorLengthBytes(tensor),
      `${tensor.name} gave ${written} bytes instead of ${tensorLengthBytes(tensor)}`,
    );
  }
}

/** The order in which `writeSafetensors` writes: every tensor of a file then begins at a multiple of its own width. */
export function safetensorsOrder<T extends Pick<TensorToWrite, 'name' | 'dtype'>>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => dtypeBits[b.dtype] - dtypeBits[a.dtype] || (a.name < b.name ? -1 : 1));
}

/** Bytes of a tensor's data. */
export function tensorLengthBytes(tensor: Pick<TensorToWrite, 'name' | 'dtype' | 'shape'>): number {
  const bits = tensor.shape.reduce((size, dimension) => size * dimension, dtypeBits[tensor.dtype]);
  invariant(
    Number.isSafeInteger(bits) && bits >= 0 && bits % 8 === 0,
    `${tensor.name} has a size in whole bytes: ${tensor.dtype} [${tensor.shape.join(', ')}]`,
  );
  return bits / 8;
}

/** The length prefix and the JSON, padded with spaces so that the data begins at a multiple of 8. */
function encodeSafetensorsHeader(
  ordered: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push(['__metadata__', metadata]);
  const names = new Set(['__metadata__']);
  let offset = 0;
  for (const tensor of ordered) {
    const { name, dtype, shape } = tensor;
    if (names.has(name))
      throw new DomainError('safetensors-unwritable', `Two tensors of one file cannot both be named ${name}.`);
    names.add(name);
    const end = offset + tensorLengthBytes(tensor);
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = new TextEncoder().encode(
    `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join()}}`,
  );
  const lengthBytes = Math.ceil(json.byteLength / 8) * 8;
  if (lengthBytes > limits.safetensorsHeaderBytesMax)
    throw new DomainError(
      'safetensors-unwritable',
      `Too many tensors for one file: ${headerTooLargeMessage(lengthBytes)}. Write it in shards.`,
    );
  const header = new Uint8Array(safetensorsPrefixBytes + lengthBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(lengthBytes), true);
  header.set(json, safetensorsPrefixBytes);
  return header;
}

async function* pieces(bytes: Promise<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (Symbol.asyncIterator in bytes) yield* bytes;
  else yield await bytes;
}
