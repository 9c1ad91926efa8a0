/** A metadata value to write: numbers as uint32 or float32 by `type`, texts and flags by their own. */
export type GgufInput =
  | string
  | boolean
  | { readonly uint32: number }
  | { readonly float32: number }
  | readonly string[]
  | { readonly int32s: readonly number[] };

/** A float32 tensor to write, its shape in the order of PyTorch. */
export interface GgufTensorInput {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Bytes of a small GGUF file, version 3, float32 tensors only: a counterpart for testing what reads one. */
export function writeGguf(
  metadata: Readonly<Record<string, GgufInput>>,
  tensors: Readonly<Record<string, GgufTensorInput>>,
): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from('GGUF'), uint32(3)];
  parts.push(uint64(Object.keys(tensors).length), uint64(Object.keys(metadata).length));
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), ...encode(value));
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    parts.push(text(name), uint32(shape.length), ...shape.toReversed().map(uint64), uint32(0), uint64(offset));
    offset += padded(values.byteLength);
  }
  const header = Buffer.concat(parts);
  const data = Object.values(tensors).map(({ values }) => {
    const bytes = new Uint8Array(padded(values.byteLength));
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return bytes;
  });
  return new Uint8Array(Buffer.concat([header, Buffer.alloc(padded(header.byteLength) - header.byteLength), ...data]));
}

function encode(value: GgufInput): Uint8Array[] {
  if (typeof value === 'string') return [uint32(8), text(value)];
  if (typeof value === 'boolean') return [uint32(7), Uint8Array.of(value ? 1 : 0)];
  if ('uint32' in value) return [uint32(4), uint32(value.uint32)];
  if ('float32' in value) return [uint32(6), new Uint8Array(Float32Array.of(value.float32).buffer)];
  if ('int32s' in value)
    return [uint32(9), uint32(5), uint64(value.int32s.length), new Uint8Array(Int32Array.from(value.int32s).buffer)];
  return [uint32(9), uint32(8), uint64(value.length), ...value.map(text)];
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function uint64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.byteLength), bytes]);
}

function padded(lengthBytes: number): number {
  return Math.ceil(lengthBytes / 32) * 32;
}
