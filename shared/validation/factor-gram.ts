import { addGram, fillSigns, gramRows, newGram } from '../domain/gram.ts';
import { invariant } from '../errors.ts';
import { dtypeBytes, type FloatDtype } from '../formats/dtype.ts';
import { bfloat16ToFloat32, float16ToFloat32 } from '../formats/half.ts';

/** Takes a factor's stored values front to back and gives its products with itself, as `deltaFigures` wants them. */
export interface FactorGram {
  add(bytes: Uint8Array): void;
  result(): Float64Array;
}

export type FactorDtype = FloatDtype | 'F64';

/** Memory that one factor after another works in. */
export interface Scratch {
  /** `count` values, whatever they hold; the same ones again at the next call. */
  values(count: number): Float32Array;
  rows(count: number): Float32Array;
}

export function newScratch(): Scratch {
  const grown = (): ((count: number) => Float32Array) => {
    let memory = new Float32Array(0);
    return (count) => {
      if (memory.length < count) memory = new Float32Array(count);
      return memory.subarray(0, count);
    };
  };
  return { values: grown(), rows: grown() };
}

/** A: [r, columns], row after row, held whole; `columns` may be a strip that begins at `firstColumn`. */
export function gramOfA(scratch: Scratch, dtype: FactorDtype, r: number, columns: number, firstColumn = 0): FactorGram {
  const n = gramRows(r);
  const rows = scratch.rows(n * columns);
  fillSigns(rows.subarray(r * columns, (r + 1) * columns), 'A', firstColumn);
  rows.fill(0, (r + 1) * columns);
  let at = 0;
  return {
    add(bytes) {
      const count = bytes.byteLength / dtypeBytes(dtype);
      decodeInto(dtype, bytes, rows.subarray(at, at + count));
      at += count;
    },
    result() {
      invariant(at === r * columns, 'a factor has come whole before its products are asked for');
      const gram = newGram(r);
      addGram(gram, rows, n, columns, columns);
      return gram;
    },
  };
}

/** B: [outFeatures, r], in pieces of whole rows; each piece is turned, so that its columns lie as A's rows do. */
export function gramOfB(scratch: Scratch, dtype: FactorDtype, r: number): FactorGram {
  const n = gramRows(r);
  const gram = newGram(r);
  let done = 0;
  return {
    add(bytes) {
      const count = bytes.byteLength / dtypeBytes(dtype);
      const height = count / r;
      invariant(Number.isInteger(height), 'B comes in whole rows');
      const values = scratch.values(count);
      const turned = scratch.rows(n * height);
      decodeInto(dtype, bytes, values);
      turn(values, turned, height, r);
      fillSigns(turned.subarray(r * height, (r + 1) * height), 'B', done);
      turned.fill(0, (r + 1) * height);
      addGram(gram, turned, n, height, height);
      done += height;
    },
    result: () => gram,
  };
}

/** [height, r] -> [r, height], sixteen rows at a time, so that neither side is walked through in long leaps. */
function turn(from: Float32Array, to: Float32Array, height: number, r: number): void {
  for (let top = 0; top < height; top += 16) {
    const bottom = Math.min(height, top + 16);
    for (let column = 0; column < r; column++)
      for (let row = top; row < bottom; row++) to[column * height + row] = from[row * r + column] as number;
  }
}

/** `bytes` begins at a multiple of the width of a value. */
function decodeInto(dtype: FactorDtype, bytes: Uint8Array, target: Float32Array): void {
  const { buffer, byteOffset } = bytes;
  if (dtype === 'F32') target.set(new Float32Array(buffer, byteOffset, target.length));
  else if (dtype === 'F64') target.set(new Float64Array(buffer, byteOffset, target.length));
  else if (dtype === 'F16') float16ToFloat32(new Uint16Array(buffer, byteOffset, target.length), target);
  else bfloat16ToFloat32(new Uint16Array(buffer, byteOffset, target.length), target);
}
