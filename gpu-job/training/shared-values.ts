import { invariant } from '../../shared/errors.ts';
import { shapeSize } from '../../shared/formats/dtype.ts';
import type { Parameter } from '../methods/method.ts';

/** A copy of values in memory that every thread of the process sees. The runtime takes no inputs from there. */
export function inSharedMemory(values: ReadonlyMap<string, Float32Array>): ReadonlyMap<string, Float32Array> {
  return new Map(
    [...values].map(([name, from]) => {
      const shared = new Float32Array(new SharedArrayBuffer(from.byteLength));
      shared.set(from);
      return [name, shared];
    }),
  );
}

/** Zeros in memory that every thread of the process sees, in the sizes of parameters. */
export function sharedZeros(parameters: readonly Parameter[]): ReadonlyMap<string, Float32Array> {
  return new Map(
    parameters.map(({ name, shape }) => [name, new Float32Array(new SharedArrayBuffer(4 * shapeSize(shape)))]),
  );
}

/** Copies values to others of the same names and sizes. */
export function copyValues(from: ReadonlyMap<string, Float32Array>, to: ReadonlyMap<string, Float32Array>): void {
  for (const [name, values] of to) {
    const given = from.get(name);
    invariant(given, `there are values of ${name}`);
    values.set(given);
  }
}
