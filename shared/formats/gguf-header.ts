import { refuseErrors, type Finding } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ByteSource } from './bytes.ts';
import { ggufCursor, malformedGguf, type GgufCursor } from './gguf-cursor.ts';
import { ggufTypes, type GgufType, type GgufValue } from './gguf-types.ts';

/** Where one tensor lies in its file. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** In the order of PyTorch, the reverse of ggml's `ne`: a linear weight is [out, in]. */
  readonly shape: readonly number[];
  /** From the beginning of the file, in bytes. */
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Where the data begins, from the beginning of the file, in bytes. */
  readonly dataOffset: number;
}

/**
 * Reads metadata and tensor list of a GGUF file, version 2 or 3; the data is not touched.
 * Throws `DomainError('gguf-malformed')`: at once where the file cannot be read on, else with all findings.
 * Source: github.com/ggml-org/ggml, docs/gguf.md.
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  const cursor = ggufCursor(source);
  const version = await readVersion(source, cursor);
  const tensorCount = await cursor.size();
  const valueCount = await cursor.size();
  const findings: Finding[] = [];
  const error: Report = (code, where, message) => void findings.push({ severity: 'error', code, where, message });
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) {
    const key = await cursor.string();
    if (metadata.has(key)) error('duplicate-key', key, 'this metadata key appears more than once');
    metadata.set(key, await cursor.value(await cursor.uint32()));
  }
  const entries: RawTensor[] = [];
  for (let i = 0; i < tensorCount; i++) entries.push(await readTensorInfo(source, cursor));
  const alignment = readAlignment(metadata, error);
  const dataOffset = Math.ceil(cursor.position() / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const entry of entries) {
    if (tensors.has(entry.name)) error('duplicate-tensor', entry.name, 'two tensors have this name');
    const tensor = checkTensor(entry, alignment, dataOffset, source.sizeBytes, error);
    if (tensor) tensors.set(tensor.name, tensor);
  }
  checkOverlaps(tensors.values(), error);
  refuseErrors('gguf-malformed', `${source.name} is not a well-formed GGUF file:`, findings);
  return { version, metadata, tensors, dataOffset };
}

type Report = (code: string, where: string, message: string) => void;

interface RawTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly typeId: number;
  /** From the beginning of the data, in bytes. */
  readonly offset: number;
}

const defaultAlignment = 32;

async function readVersion(source: ByteSource, cursor: GgufCursor): Promise<number> {
  const magic = source.sizeBytes < 8 ? 0 : await cursor.uint32();
  // "GGUF" in the order of the file.
  if (magic !== 0x46554747) throw malformedGguf(source.name, 'magic', 'it does not begin with "GGUF"');
  const version = await cursor.uint32();
  if (version === 2 || version === 3) return version;
  if (version === 0x02000000 || version === 0x03000000)
    throw malformedGguf(source.name, 'big-endian', 'it is big-endian; only little-endian files can be read');
  throw malformedGguf(source.name, 'version', `its version is ${version}; versions 2 and 3 can be read`);
}

async function readTensorInfo(source: ByteSource, cursor: GgufCursor): Promise<RawTensor> {
  const name = await cursor.string();
  const dimensions = await cursor.uint32();
  if (dimensions > limits.ggufDimensionsMax)
    throw malformedGguf(
      source.name,
      'dimensions',
      `the tensor ${JSON.stringify(name)} has ${dimensions} dimensions; at most ${limits.ggufDimensionsMax} exist`,
    );
  const shape: number[] = [];
  for (let i = 0; i < dimensions; i++) shape.unshift(await cursor.size());
  return { name, shape, typeId: await cursor.uint32(), offset: await cursor.size() };
}

function readAlignment(metadata: ReadonlyMap<string, GgufValue>, error: Report): number {
  const value = metadata.get('general.alignment') ?? defaultAlignment;
  if (typeof value === 'number' && value >= 8 && value <= 2 ** 20 && Number.isInteger(Math.log2(value))) return value;
  error('alignment', 'general.alignment', `${String(value)} is not a power of two from 8 to 2^20`);
  return defaultAlignment;
}

function checkTensor(
  { name, shape, typeId, offset }: RawTensor,
  alignment: number,
  dataOffset: number,
  fileSizeBytes: number,
  error: Report,
): GgufTensor | undefined {
  const type = ggufTypes.get(typeId);
  if (type === undefined) {
    error('unknown-type', name, `the storage type number ${typeId} is unknown`);
    return undefined;
  }
  // Each factor is below 2^53, so the product of four cannot lose that it is too large.
  const values = shape.reduce((product, dimension) => product * dimension, 1);
  const rowValues = shape.at(-1) ?? 1;
  if (rowValues % type.blockValues !== 0) {
    error(
      'partial-block',
      name,
      `rows of ${rowValues} values do not divide into ${type.name} blocks of ${type.blockValues}`,
    );
    return undefined;
  }
  const lengthBytes = (values / type.blockValues) * type.blockBytes;
  const start = dataOffset + offset;
  if (offset % alignment !== 0)
    error('misaligned', name, `its data begin at ${offset}, not a multiple of ${alignment}`);
  if (!Number.isSafeInteger(lengthBytes) || start + lengthBytes > fileSizeBytes) {
    error('truncated', name, `its ${lengthBytes} bytes at ${start} reach past the end of the file at ${fileSizeBytes}`);
    return undefined;
  }
  return { name, type, shape, offset: start, lengthBytes };
}

function checkOverlaps(tensors: Iterable<GgufTensor>, error: Report): void {
  const ordered = [...tensors].filter((t) => t.lengthBytes > 0).toSorted((a, b) => a.offset - b.offset);
  for (const [i, tensor] of ordered.entries()) {
    const before = ordered[i - 1];
    if (before && before.offset + before.lengthBytes > tensor.offset)
      error('overlap', tensor.name, `its data overlap those of ${JSON.stringify(before.name)}`);
  }
}
