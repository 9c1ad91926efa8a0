import { invariant } from '../../shared/errors.ts';
import type { Handle, OrtApi } from './ort-api.ts';
import type { TensorData, TensorValue } from './session.ts';

/** A tensor that a bound session reads where it lies: in the memory of a device, or in ours. */
export interface BoundValue {
  readonly handle: Handle;
  /** What of it lies in the memory of the host; 0: it is a device's own. */
  readonly hostBytes: number;
  /** Once, when no session is bound to it any more. */
  release(): void;
}

/** Lends an array to the runtime without copying it. Whoever changes it afterwards changes what the processor reads. */
export function lend(api: OrtApi, { data, dims }: TensorValue): BoundValue {
  // of a small array this moves the values to where the collector leaves them
  invariant(data.buffer.byteLength > 0, 'an array that is lent has values');
  const shape = BigInt64Array.from(dims, BigInt);
  const type = elementTypes[kindOf(data)];
  const handle = api.make(
    'CreateTensorWithDataAsOrtValue',
    api.hostMemory,
    data,
    data.byteLength,
    shape,
    shape.length,
    type,
  );
  let lent: TensorData | undefined = data; // for as long as the handle stands
  return {
    handle,
    get hostBytes() {
      return lent?.byteLength ?? 0;
    },
    release() {
      api.release('ReleaseValue', handle);
      lent = undefined;
    },
  };
}

/** A copy of a float32 result that came to the host. */
export function float32Of(api: OrtApi, value: BoundValue): Float32Array {
  const count = api.dims(value.handle).reduce((product, dim) => product * dim, 1);
  return new Float32Array(api.bytes(value.handle, 4 * count)).slice();
}

/** As `ONNXTensorElementDataType` has them. */
const elementTypes = { float32: 1, int64: 7, bool: 9, float64: 11 } as const;

function kindOf(data: TensorData): keyof typeof elementTypes {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof BigInt64Array) return 'int64';
  return data instanceof Float64Array ? 'float64' : 'bool';
}
