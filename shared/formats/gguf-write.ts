import { invariant, refuseErrors, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ByteSink } from './bytes.ts';
import { shapeSize } from './dtype.ts';
import { encodeGgufMetadata, encodeGgufText, type GgufMetadata } from './gguf-metadata-write.ts';
import { ggufWrittenTypes, type GgufWrittenType } from './gguf-quantize.ts';

/** A tensor whose bytes are asked for only when their turn comes. */
export interface GgufTensorToWrite {
  readonly name: string;
  readonly type: GgufWrittenType;
  /** In the order of PyTorch, the reverse of ggml's `ne`: a linear weight is [out, in]. */
  readonly shape: readonly number[];
  /** Values in row-major order, encoded by `quantizeGguf`, whole or in pieces. */
  bytes(): Promise<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes a GGUF file, version 3, little-endian, data at multiples of 32, front to back in the order given, holding one tensor (or
 * one piece of it) at a time. Throws `DomainError('gguf-unwritable')` with all findings before anything is written.
 * Source: github.com/ggml-org/ggml, docs/gguf.md.
 */
export async function writeGguf(
  sink: ByteSink,
  metadata: GgufMetadata,
  tensors: readonly GgufTensorToWrite[],
): Promise<void> {
  const header = encodeHeader(metadata, tensors);
  refuseErrors('gguf-unwritable', 'The GGUF file cannot be written:', findingsOf(tensors, header.byteLength));
  await sink.write(header);
  await sink.write(padding(header.byteLength));
  for (const tensor of tensors) {
    let written = 0;
    for await (const piece of pieces(tensor.bytes())) {
      await sink.write(piece);
      written += piece.byteLength;
    }
    const wanted = ggufTensorBytes(tensor);
    invariant(written === wanted, `${tensor.name} gave ${written} bytes instead of ${wanted}`);
    await sink.write(padding(written));
  }
}

/** Bytes of a tensor's data, padding not counted. */
export function ggufTensorBytes({ type, shape }: Pick<GgufTensorToWrite, 'type' | 'shape'>): number {
  const { blockValues, blockBytes } = ggufWrittenTypes[type];
  return Math.ceil(shapeSize(shape) / blockValues) * blockBytes;
}

const alignmentBytes = 32;

function encodeHeader(metadata: GgufMetadata, tensors: readonly GgufTensorToWrite[]): Uint8Array {
  invariant(!Object.hasOwn(metadata, 'general.alignment'), 'the alignment is the default, which needs no key');
  const entries = Object.entries(metadata);
  const parts: Uint8Array[] = [new TextEncoder().encode('GGUF'), uint32(3)];
  parts.push(uint64(tensors.length), uint64(entries.length));
  for (const [key, value] of entries) parts.push(encodeGgufText(key), ...encodeGgufMetadata(value));
  let offset = 0;
  for (const tensor of tensors) {
    const { name, type, shape } = tensor;
    parts.push(encodeGgufText(name), uint32(shape.length), ...shape.toReversed().map(uint64));
    parts.push(uint32(ggufWrittenTypes[type].id), uint64(offset));
    const lengthBytes = ggufTensorBytes(tensor);
    offset += lengthBytes + padding(lengthBytes).byteLength;
  }
  return joined(parts);
}

function findingsOf(tensors: readonly GgufTensorToWrite[], headerBytes: number): Finding[] {
  const findings: Finding[] = [];
  const error = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'gguf-unwritable', where, message });
  if (headerBytes > limits.ggufHeaderBytesMax)
    error('header', `it has ${headerBytes} bytes; at most ${limits.ggufHeaderBytesMax} are read again`);
  const names = new Set<string>();
  for (const { name, type, shape } of tensors) {
    const { blockValues } = ggufWrittenTypes[type];
    const row = shape.at(-1) ?? 1;
    const nameBytes = encodeGgufText(name).byteLength - 8;
    if (names.has(name)) error(name, 'two tensors have this name');
    names.add(name);
    if (nameBytes > limits.ggufTensorNameBytesMax)
      error(name, `its name has ${nameBytes} bytes; at most ${limits.ggufTensorNameBytesMax} can be stored`);
    if (shape.length > limits.ggufDimensionsMax)
      error(name, `it has ${shape.length} dimensions; at most ${limits.ggufDimensionsMax} exist`);
    if (row % blockValues !== 0)
      error(name, `rows of ${row} values do not divide into ${type} blocks of ${blockValues}`);
  }
  return findings;
}

function padding(lengthBytes: number): Uint8Array {
  return new Uint8Array((alignmentBytes - (lengthBytes % alignmentBytes)) % alignmentBytes);
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function uint64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

async function* pieces(bytes: Promise<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (Symbol.asyncIterator in bytes) yield* bytes;
  else yield await bytes;
}
