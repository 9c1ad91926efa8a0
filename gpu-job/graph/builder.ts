import { invariant } from '../../shared/errors.ts';
import { sameDims, type Dim, type Dims } from './dims.ts';
import type { Attributes, Primitive } from './ops.ts';
import { inferShapes } from './shapes.ts';
import type { DType } from './dtype.ts';
import type { Constant, ExternalData, GraphNode, Tensor } from './tensor.ts';

export type FloatType = 'float32' | 'float64';

/** A finished description of a computation: nothing in it is data but small constants. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Tensor[];
  readonly constants: readonly Constant[];
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** A run of nodes that make `output` of `input` and of what stood before them. */
export interface Segment {
  readonly input: Tensor;
  readonly output: Tensor;
  /** Places in `nodes`: from the first one to the one behind the last. */
  readonly from: number;
  readonly to: number;
}

/**
 * Writes a graph node by node. Every method applies one primitive (shape checked at once) and returns its result; methods that
 * take a number where a tensor could stand make a constant of the graph's float type.
 */
export class GraphBuilder implements Graph {
  readonly nodes: GraphNode[] = [];
  readonly inputs: Tensor[] = [];
  readonly constants: Constant[] = [];
  readonly outputs = new Map<string, Tensor>();
  /** In their order, none inside another. */
  readonly segments: Segment[] = [];
  readonly float: FloatType;
  private readonly names = new Map<string, number>();
  private readonly constantCache = new Map<string, Tensor>();
  /** Weights in the type in which they are stored, by what they are cast to. */
  private readonly stored = new Map<Tensor, Tensor>();
  private scopePath = '';

  constructor(float: FloatType = 'float32') {
    this.float = float;
  }

  /** Names everything that `build` adds after the part of the model it belongs to; a path that begins with the outer one is taken whole. */
  scope<T>(name: string, build: () => T): T {
    const outer = this.scopePath;
    this.scopePath = outer && !name.startsWith(`${outer}.`) ? `${outer}.${name}` : name;
    try {
      return build();
    } finally {
      this.scopePath = outer;
    }
  }

  /** Marks what `build` adds as nodes that may be computed again from `input` instead of being kept for the backward pass. */
  segment(input: Tensor, build: () => Tensor): Tensor {
    const from = this.nodes.length;
    const output = build();
    this.segments.push({ input, output, from, to: this.nodes.length });
    return output;
  }

  input(name: string, dtype: DType, dims: Dims): Tensor {
    const tensor = { name: this.unique(name), dtype, dims };
    invariant(tensor.name === name, `the graph input ${name} is declared once`);
    this.inputs.push(tensor);
    return tensor;
  }

  output(name: string, tensor: Tensor): void {
    invariant(!this.outputs.has(name), `the graph output ${name} is declared once`);
    this.outputs.set(name, tensor);
  }

  /** A weight that stays in its file. */
  external(name: string, dtype: DType, dims: readonly number[], external: ExternalData): Tensor {
    const tensor = { name: this.unique(name), dtype, dims };
    this.constants.push({ tensor, data: { external } });
    return tensor;
  }

  /** Values of the graph's float type; equal constants are made once. */
  constant(values: readonly number[] | Float64Array, dims: readonly number[] = []): Tensor {
    const data = this.float === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
    return this.raw(this.float, dims, new Uint8Array(data.buffer));
  }

  integers(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
    const data = BigInt64Array.from(values, BigInt);
    return this.raw('int64', dims, new Uint8Array(data.buffer));
  }

  /** A packed part that stands in the graph itself. */
  bytes(dtype: 'uint8' | 'uint16' | 'int8', data: Uint8Array): Tensor {
    return this.raw(dtype, [dtype === 'uint16' ? data.length / 2 : data.length], data);
  }

  /** Applies a primitive and returns all its results. */
  applyAll<P extends Primitive>(op: P, inputs: readonly Tensor[], attrs: Attributes[P]): readonly Tensor[] {
    const scope = this.scopePath;
    const outputs = inferShapes(op, inputs, attrs, scope).map((type) => ({
      name: this.unique(`${scope}/${op}`),
      ...type,
    }));
    this.nodes.push({ op, inputs, outputs, attrs, scope });
    return outputs;
  }

  apply<P extends Primitive>(op: P, inputs: readonly Tensor[], attrs: Attributes[P]): Tensor {
    const [first] = this.applyAll(op, inputs, attrs);
    invariant(first, `${op} has a result`);
    return first;
  }

  add(a: Tensor, b: Tensor | number): Tensor {
    return this.apply('Add', [a, this.operand(b)], {});
  }
  sub(a: Tensor | number, b: Tensor): Tensor {
    return this.apply('Sub', [this.operand(a), b], {});
  }
  mul(a: Tensor, b: Tensor | number): Tensor {
    return this.apply('Mul', [a, this.operand(b)], {});
  }
  div(a: Tensor, b: Tensor): Tensor {
    return this.apply('Div', [a, b], {});
  }
  where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
    return this.apply('Where', [condition, this.operand(a), this.operand(b)], {});
  }
  exp(x: Tensor): Tensor {
    return this.apply('Exp', [x], {});
  }
  sqrt(x: Tensor): Tensor {
    return this.apply('Sqrt', [x], {});
  }
  sigmoid(x: Tensor): Tensor {
    return this.apply('Sigmoid', [x], {});
  }
  silu(x: Tensor): Tensor {
    return this.apply('Silu', [x], {});
  }
  geluTanh(x: Tensor): Tensor {
    return this.apply('GeluTanh', [x], {});
  }
  cast(x: Tensor, to: DType): Tensor {
    if (x.dtype === to) return x;
    const y = this.apply('Cast', [x], { to });
    if (this.constants.some(({ tensor }) => tensor === x)) this.stored.set(y, x);
    return y;
  }
  /** x, and where it is a weight that was cast, a copy of its own: the other need not be kept for it. */
  castAgain(x: Tensor): Tensor {
    const stored = this.stored.get(x);
    return stored ? this.cast(stored, x.dtype) : x;
  }
  /** alpha * op(a) @ op(b). */
  matmul(a: Tensor, b: Tensor, options: Partial<Attributes['MatMul']> = {}): Tensor {
    return this.apply('MatMul', [a, b], { transA: false, transB: false, alpha: 1, ...options });
  }
  /** Each row of a times its row of b. */
  rowProduct(a: Tensor, b: Tensor): Tensor {
    return this.apply('RowProduct', [a, b], {});
  }
  reduceSum(x: Tensor, axes: readonly number[]): Tensor {
    return axes.length === 0 ? x : this.apply('ReduceSum', [x], { axes });
  }
  sumLast(x: Tensor): Tensor {
    return this.reduceSum(x, [x.dims.length - 1]);
  }
  sumSquares(x: Tensor): Tensor {
    return this.apply('SumSquares', [x], {});
  }
  meanLast(x: Tensor): Tensor {
    const length = x.dims.at(-1);
    invariant(typeof length === 'number', 'the mean is taken over an axis of known length');
    return this.mul(this.sumLast(x), 1 / length);
  }
  /** x as a constant of the backward pass. */
  detach(x: Tensor): Tensor {
    return this.apply('Detach', [x], {});
  }
  /** x, once all of `others` are computed. */
  after(x: Tensor, others: readonly Tensor[]): Tensor {
    return others.length === 0 ? x : this.apply('After', [x, ...others], {});
  }
  reshape(x: Tensor, dims: Dims): Tensor {
    return sameDims(x.dims, dims) ? x : this.apply('Reshape', [x], { dims });
  }
  transpose(x: Tensor, perm: readonly number[]): Tensor {
    return this.apply('Transpose', [x], { perm });
  }
  expand(x: Tensor, dims: Dims): Tensor {
    return sameDims(x.dims, dims) ? x : this.apply('Expand', [x], { dims });
  }
  concat(parts: readonly Tensor[], axis: number, dim: Dim): Tensor {
    const [only] = parts;
    return parts.length === 1 && only ? only : this.apply('Concat', parts, { axis, dim });
  }
  split(x: Tensor, axis: number, sizes: Dims): readonly Tensor[] {
    return sizes.length === 1 && sizes[0] === x.dims[axis] ? [x] : this.applyAll('Split', [x], { axis, sizes });
  }
  /** Rows of a table. Of a weight that was cast, only the rows are. */
  gather(table: Tensor, indices: Tensor): Tensor {
    const rows = this.apply('Gather', [this.stored.get(table) ?? table, indices], {});
    return this.cast(rows, table.dtype);
  }

  private operand(x: Tensor | number): Tensor {
    return typeof x === 'number' ? this.constant([x]) : x;
  }

  private raw(dtype: DType, dims: readonly number[], raw: Uint8Array): Tensor {
    const key = raw.byteLength <= 64 ? `${dtype}[${dims.join()}]:${raw.join()}` : undefined;
    const known = key === undefined ? undefined : this.constantCache.get(key);
    if (known) return known;
    const tensor = { name: this.unique('constant'), dtype, dims };
    this.constants.push({ tensor, data: { raw } });
    if (key !== undefined) this.constantCache.set(key, tensor);
    return tensor;
  }

  private unique(name: string): string {
    const count = this.names.get(name) ?? 0;
    this.names.set(name, count + 1);
    return count === 0 ? name : `${name}:${count}`;
  }
}
