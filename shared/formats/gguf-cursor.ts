import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ByteSource } from './bytes.ts';
import type { GgufValue } from './gguf-types.ts';

/** Reads a GGUF header front to back, in pieces, never past its limit or the end of the file. */
export interface GgufCursor {
  /** Bytes read so far. */
  position(): number;
  uint32(): Promise<number>;
  /** A count or an offset; throws when it is past 2^53, which no file can hold. */
  size(): Promise<number>;
  string(): Promise<string>;
  /** A metadata value of the given type number. */
  value(type: number): Promise<GgufValue>;
}

/** The error for a file that cannot be read on from some place. */
export function malformedGguf(fileName: string, code: string, message: string): DomainError {
  return new DomainError('gguf-malformed', `${fileName} is not a well-formed GGUF file: ${message}`, {
    findings: [{ severity: 'error', code, message }],
  });
}

const pieceBytes = 1 << 20;

/** Types of metadata values by their number: bytes taken (at least, where the length varies) and how to read one. */
const scalars: ReadonlyMap<number, { bytes: number; read: (view: DataView, at: number) => number | bigint | boolean }> =
  new Map([
    [0, { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) }],
    [1, { bytes: 1, read: (view: DataView, at: number) => view.getInt8(at) }],
    [2, { bytes: 2, read: (view: DataView, at: number) => view.getUint16(at, true) }],
    [3, { bytes: 2, read: (view: DataView, at: number) => view.getInt16(at, true) }],
    [4, { bytes: 4, read: (view: DataView, at: number) => view.getUint32(at, true) }],
    [5, { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) }],
    [6, { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) }],
    [7, { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) !== 0 }],
    [10, { bytes: 8, read: (view: DataView, at: number) => safe(view.getBigUint64(at, true)) }],
    [11, { bytes: 8, read: (view: DataView, at: number) => safe(view.getBigInt64(at, true)) }],
    [12, { bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at, true) }],
  ]);
const STRING = 8;
const ARRAY = 9;
const stringBytesMin = 8;

export function ggufCursor(source: ByteSource): GgufCursor {
  const end = Math.min(source.sizeBytes, limits.ggufHeaderBytesMax);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let piece: Uint8Array = new Uint8Array(0);
  let view = new DataView(piece.buffer);
  let pieceStart = 0;
  let at = 0; // from the beginning of the piece

  const position = (): number => pieceStart + at;
  /** Makes the next `lengthBytes` available in `piece` and steps over them; returns where they begin in it. */
  const take = (lengthBytes: number): number | Promise<number> => {
    if (at + lengthBytes > piece.byteLength) return refill(lengthBytes);
    at += lengthBytes;
    return at - lengthBytes;
  };
  const refill = async (lengthBytes: number): Promise<number> => {
    const start = position();
    if (start + lengthBytes > end)
      throw end === source.sizeBytes
        ? malformedGguf(source.name, 'truncated', `it ends at byte ${end}, inside its header`)
        : malformedGguf(source.name, 'header-too-large', `its header is larger than ${end} bytes`);
    piece = await source.read(start, Math.min(end - start, Math.max(lengthBytes, pieceBytes)));
    view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    pieceStart = start;
    at = lengthBytes;
    return 0;
  };
  /** Refuses a count of things that could not even fit, before anything is allocated for them. */
  const checkCount = (count: number, bytesEach: number, what: string): void => {
    if (count > (end - position()) / bytesEach)
      throw malformedGguf(source.name, 'count', `it claims ${count} ${what}, more than the rest of it can hold`);
  };
  const size = async (): Promise<number> => {
    const big = (await viewOf(8)).getBigUint64(at - 8, true);
    if (big > BigInt(Number.MAX_SAFE_INTEGER))
      throw malformedGguf(source.name, 'count', `the number ${big} at byte ${position() - 8} is impossibly large`);
    return Number(big);
  };
  const viewOf = async (lengthBytes: number): Promise<DataView> => {
    await take(lengthBytes);
    return view;
  };
  const string = async (): Promise<string> => {
    const lengthBytes = await size();
    checkCount(lengthBytes, 1, 'characters');
    const start = await take(lengthBytes);
    try {
      return decoder.decode(piece.subarray(start, start + lengthBytes));
    } catch {
      throw malformedGguf(source.name, 'not-utf8', `the text at byte ${position() - lengthBytes} is not valid UTF-8`);
    }
  };
  const array = async (depth: number): Promise<GgufValue[]> => {
    if (depth > limits.ggufArrayDepthMax)
      throw malformedGguf(source.name, 'array-depth', `arrays are nested more than ${limits.ggufArrayDepthMax} deep`);
    const type = (await viewOf(4)).getUint32(at - 4, true);
    const count = await size();
    checkCount(count, type === ARRAY ? 12 : (scalars.get(type)?.bytes ?? stringBytesMin), 'array elements');
    const values: GgufValue[] = [];
    for (let i = 0; i < count; i++) values.push(await value(type, depth));
    return values;
  };
  const value = async (type: number, depth = 0): Promise<GgufValue> => {
    const scalar = scalars.get(type);
    if (scalar) return scalar.read(await viewOf(scalar.bytes), at - scalar.bytes);
    if (type === STRING) return string();
    if (type === ARRAY) return array(depth + 1);
    throw malformedGguf(source.name, 'value-type', `the metadata type ${type} before byte ${position()} is unknown`);
  };
  return {
    position,
    uint32: async () => (await viewOf(4)).getUint32(at - 4, true),
    size,
    string,
    value: (type) => value(type),
  };
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
