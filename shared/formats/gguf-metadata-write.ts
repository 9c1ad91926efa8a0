import { invariant } from '../errors.ts';

/** Types of plain metadata values: their number in the file and how one is written. */
const scalars = {
  uint8: { id: 0, bytes: 1, set: (view, value) => view.setUint8(0, Number(value)) },
  int8: { id: 1, bytes: 1, set: (view, value) => view.setInt8(0, Number(value)) },
  uint16: { id: 2, bytes: 2, set: (view, value) => view.setUint16(0, Number(value), true) },
  int16: { id: 3, bytes: 2, set: (view, value) => view.setInt16(0, Number(value), true) },
  uint32: { id: 4, bytes: 4, set: (view, value) => view.setUint32(0, Number(value), true) },
  int32: { id: 5, bytes: 4, set: (view, value) => view.setInt32(0, Number(value), true) },
  float32: { id: 6, bytes: 4, set: (view, value) => view.setFloat32(0, Number(value), true) },
  uint64: { id: 10, bytes: 8, set: (view, value) => view.setBigUint64(0, BigInt(value), true) },
  int64: { id: 11, bytes: 8, set: (view, value) => view.setBigInt64(0, BigInt(value), true) },
  float64: { id: 12, bytes: 8, set: (view, value) => view.setFloat64(0, Number(value), true) },
} as const satisfies Record<string, Scalar>;

interface Scalar {
  readonly id: number;
  readonly bytes: number;
  set(view: DataView, value: number | bigint): void;
}

export type GgufScalarType = keyof typeof scalars;

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

/** Values of one type; `of` says which. */
export type GgufArrayToWrite =
  | { readonly type: 'array'; readonly of: GgufScalarType; readonly values: readonly (number | bigint)[] }
  | { readonly type: 'array'; readonly of: 'bool'; readonly values: readonly boolean[] }
  | { readonly type: 'array'; readonly of: 'string'; readonly values: readonly string[] }
  | { readonly type: 'array'; readonly of: 'array'; readonly values: readonly GgufArrayToWrite[] };

/** A metadata value to write: texts and flags by themselves, numbers with their type. */
export type GgufValueToWrite =
  string | boolean | { readonly type: GgufScalarType; readonly value: number | bigint } | GgufArrayToWrite;

/** Written in this order. */
export type GgufMetadata = Readonly<Record<string, GgufValueToWrite>>;

/** The number of a value's type, then the value, little-endian. */
export function encodeGgufMetadata(value: GgufValueToWrite): Uint8Array[] {
  if (typeof value === 'string') return [typeNumber(STRING), encodeGgufText(value)];
  if (typeof value === 'boolean') return [typeNumber(BOOL), Uint8Array.of(value ? 1 : 0)];
  if (value.type === 'array') return [typeNumber(ARRAY), ...arrayBody(value)];
  return [typeNumber(scalars[value.type].id), scalarsBody(value.type, [value.value])];
}

/** The length in bytes, then UTF-8. */
export function encodeGgufText(text: string): Uint8Array {
  const utf8 = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + utf8.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(utf8.byteLength), true);
  bytes.set(utf8, 8);
  return bytes;
}

function arrayBody(array: GgufArrayToWrite): Uint8Array[] {
  const head = (type: number): Uint8Array[] => [
    typeNumber(type),
    new Uint8Array(BigUint64Array.of(BigInt(array.values.length)).buffer),
  ];
  if (array.of === 'string') return [...head(STRING), ...array.values.map(encodeGgufText)];
  if (array.of === 'bool') return [...head(BOOL), Uint8Array.from(array.values, (flag) => (flag ? 1 : 0))];
  if (array.of === 'array') return [...head(ARRAY), ...array.values.flatMap(arrayBody)];
  return [...head(scalars[array.of].id), scalarsBody(array.of, array.values)];
}

function scalarsBody(type: GgufScalarType, values: readonly (number | bigint)[]): Uint8Array {
  const scalar: Scalar = scalars[type];
  const out = new Uint8Array(values.length * scalar.bytes);
  for (const [i, value] of values.entries()) {
    invariant(fits(type, value), `${value} is a ${type}`);
    scalar.set(new DataView(out.buffer, i * scalar.bytes, scalar.bytes), value);
  }
  return out;
}

/** A number that its type cannot hold would wrap in silence. */
function fits(type: GgufScalarType, value: number | bigint): boolean {
  if (type.startsWith('float')) return typeof value === 'number';
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return false;
  const bits = BigInt(scalars[type].bytes * 8);
  const big = BigInt(value);
  return type.startsWith('u') ? big >= 0n && big < 1n << bits : big >= -(1n << (bits - 1n)) && big < 1n << (bits - 1n);
}

function typeNumber(id: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(id).buffer);
}
