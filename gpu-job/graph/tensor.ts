import type { Dims } from './dims.ts';
import type { DType } from './dtype.ts';
import type { Attributes, Primitive } from './ops.ts';

/** A value in a graph: no data, only its type. Identity is the object; `name` is unique within its graph. */
export interface Tensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: Dims;
}

/** One application of a primitive. `scope` is the part of the model that made it, for messages and profiles. */
export interface GraphNode<P extends Primitive = Primitive> {
  readonly op: P;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attrs: Attributes[P];
  readonly scope: string;
}

/** Bytes of a frozen tensor inside a file next to the model: nothing is read until the runtime maps it. */
export interface ExternalData {
  /** File name relative to the folder given to the session. */
  readonly location: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface Constant {
  readonly tensor: Tensor;
  readonly data: { readonly raw: Uint8Array } | { readonly external: ExternalData };
}

export const describe = (tensor: Tensor): string => `${tensor.name} ${tensor.dtype}[${tensor.dims.join(', ')}]`;
