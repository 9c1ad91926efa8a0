import { invariant } from '../../shared/errors.ts';
import { divideDim, parseDim, type Dim, type Dims } from './dims.ts';
import { onnxTypeCode, type OnnxAttribute, type OnnxNode, type OnnxValue } from './onnx.ts';
import type { DType } from './dtype.ts';
import type { GraphTarget, ReducedProducts } from './compute.ts';
import type { Constant, Tensor } from './tensor.ts';

/** What one round of a loop makes: what the next one is given, and what is collected. */
export interface RoundResults {
  readonly carried: readonly string[];
  readonly collected: readonly string[];
}

/** Collects ONNX nodes and the small integer constants and shape vectors that they need. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly constants: Constant[];
  scope = '';
  readonly device: 'cpu' | 'cuda';
  /** How products are computed; absent: in the graph's own type. */
  readonly reduced: ReducedProducts | undefined;
  /** What values of the graph were cast from. */
  readonly castFrom: Map<string, { readonly name: string; readonly dtype: DType }>;
  private readonly inputs: readonly Tensor[];
  private readonly cache = new Map<string, string>();
  /** That of the graph around a body: what was made there before can be used here. */
  private readonly outer: Emitter | undefined;
  private readonly counter: { count: number };

  constructor(inputs: readonly Tensor[], target: GraphTarget = {}, outer?: Emitter) {
    this.inputs = inputs;
    this.outer = outer;
    const { compute = 'float32', device = 'cpu' } = target;
    this.device = outer?.device ?? device;
    const reduced = compute === 'float32' ? undefined : { dtype: compute, native: device === 'cuda' };
    this.reduced = outer?.reduced ?? reduced;
    this.castFrom = outer?.castFrom ?? new Map();
    this.constants = outer?.constants ?? [];
    this.scope = outer?.scope ?? '';
    this.counter = outer?.counter ?? { count: 0 };
  }

  node(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attrs: Readonly<Record<string, OnnxAttribute>> = {},
    domain: OnnxNode['domain'] = '',
  ): void {
    this.nodes.push({ op, domain, name: `${this.scope}/${op}#${this.counter.count++}`, inputs, outputs, attrs });
  }

  /** Adds a node with one result, a fresh one if it has no name yet, and returns its name. */
  value(
    op: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, OnnxAttribute>> = {},
    domain: OnnxNode['domain'] = '',
    name = `${this.scope}/${op}.${this.counter.count}`,
  ): string {
    this.node(op, inputs, [name], attrs, domain);
    return name;
  }

  cast(name: string, to: DType, y?: string): string {
    return this.value('Cast', [name], { to: onnxTypeCode(to) }, '', y);
  }

  values(
    op: string,
    inputs: readonly string[],
    count: number,
    attrs: Readonly<Record<string, OnnxAttribute>>,
  ): string[] {
    const outputs = Array.from({ length: count }, (_, i) => `${this.scope}/${op}.${this.counter.count}.${i}`);
    this.node(op, inputs, outputs, attrs);
    return outputs;
  }

  /**
   * Runs `round` `trips` times (int64 [1]), given its number (int64 []) and what is carried. Returns what is carried in the end, and what
   * was collected, round by round along a new first axis. Nothing else that a round makes outlives it.
   */
  loop(
    trips: string,
    dtype: DType,
    initial: readonly string[],
    round: (emit: Emitter, number: string, carried: readonly string[]) => RoundResults,
  ): RoundResults {
    const label = `${this.scope}/Loop.${this.counter.count++}`;
    const inner = new Emitter(this.inputs, {}, this);
    const [number, goOn] = [`${label} round`, `${label} goes on`];
    const carried = initial.map((_, i) => `${label} carried ${i}`);
    const made = round(inner, number, carried);
    const still = inner.value('Identity', [goOn]);
    const value = (name: string): OnnxValue => ({ name, dtype });
    const body = {
      nodes: inner.nodes,
      inputs: [
        { name: number, dtype: 'int64', dims: [] },
        { name: goOn, dtype: 'bool', dims: [] },
        ...carried.map(value),
      ],
      outputs: [{ name: still, dtype: 'bool', dims: [] }, ...[...made.carried, ...made.collected].map(value)],
    } as const;
    const outputs = this.values('Loop', [trips, '', ...initial], body.outputs.length - 1, { body });
    return { carried: outputs.slice(0, initial.length), collected: outputs.slice(initial.length) };
  }

  /** A unary node that is written once for each operand. */
  cached(op: string, input: string): string {
    return this.once(`${op}(${input})`, () => this.value(op, [input]));
  }

  integers(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.once(`int64[${dims.join()}]${values.join()}`, () => this.constant('int64', dims, data));
  }

  scalar(value: number, dtype: DType): string {
    const data = dtype === 'float64' ? Float64Array.of(value) : Float32Array.of(value);
    return this.once(`${dtype}:${value}`, () => this.constant(dtype, [], data));
  }

  /** Bytes 0 to 255, as `uint8`. */
  byte(value: number): string {
    return this.once(`uint8:${value}`, () => this.constant('uint8', [], Uint8Array.of(value)));
  }

  /** A constant that is made once for all nodes that ask for it by the same name. */
  table(name: string, dims: readonly number[], make: () => Float32Array): string {
    return this.once(`table ${name}`, () => this.constant('float32', dims, make()));
  }

  filled(value: number, dims: readonly number[], dtype: DType): string {
    return this.once(`filled ${dtype}[${dims.join()}]${value}`, () =>
      this.value('Expand', [this.scalar(value, dtype), this.integers(dims)]),
    );
  }

  /** A condition that holds, which the runtime only finds out when the graph runs: constants are folded before. */
  always(): string {
    return this.once('always', () => {
      const input = this.inputs.find(({ dims }) => dims.some((dim) => typeof dim === 'string')) ?? this.inputs[0];
      invariant(input, 'a graph that is run in order has an input');
      return this.value('GreaterOrEqual', [this.value('Size', [input.name]), this.integers([0], [])]);
    });
  }

  /** Target of a Reshape: constant where at most one dimension is unknown, else put together from the shapes of graph inputs. */
  reshapeTarget(from: Dims, to: Dims): string {
    let inferred = false;
    const parts = to.map((dim, i) => {
      if (typeof dim === 'number') return dim;
      if (dim === from[i]) return 0; // copies the dimension of the same place
      if (inferred) return dim;
      inferred = true;
      return -1;
    });
    return this.shapeVector(parts);
  }

  /** Target of an Expand: 1 keeps a dimension as it is. */
  expandTarget(from: Dims, to: Dims): string {
    const shift = to.length - from.length;
    return this.shapeVector(to.map((dim, i) => (typeof dim === 'string' && from[i - shift] === dim ? 1 : dim)));
  }

  shapeVector(parts: readonly Dim[]): string {
    if (parts.every((part) => typeof part === 'number')) return this.integers(parts);
    return this.once(`shape ${parts.join()}`, () =>
      this.value(
        'Concat',
        parts.map((part) => this.dimension(part)),
        { axis: 0 },
      ),
    );
  }

  /** A dimension as an int64 tensor of one element. */
  dimension(dim: Dim): string {
    if (typeof dim === 'number') return this.integers([dim]);
    return this.once(`dimension ${dim}`, () => {
      const { coefficient, symbols } = parseDim(dim);
      const factors = symbols.map((symbol) => this.symbol(symbol));
      if (coefficient !== 1) factors.push(this.integers([coefficient]));
      return factors.reduce((product, factor) => this.value('Mul', [product, factor]));
    });
  }

  private symbol(symbol: string): string {
    return this.once(`symbol ${symbol}`, () => {
      for (const input of this.inputs) {
        const axis = input.dims.findIndex((dim) => typeof divideDim(dim, symbol) === 'number');
        if (axis < 0) continue;
        const length = this.value('Shape', [input.name], { start: axis, end: axis + 1 });
        const multiple = divideDim(input.dims[axis] as Dim, symbol) as number; // just found
        return multiple === 1 ? length : this.value('Div', [length, this.integers([multiple])]);
      }
      invariant(false, `the symbol ${symbol} is a dimension of some graph input`);
    });
  }

  private constant(
    dtype: DType,
    dims: readonly number[],
    data: BigInt64Array | Float32Array | Float64Array | Uint8Array,
  ): string {
    const name = `emitted_${this.constants.length}`;
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.constants.push({ tensor: { name, dtype, dims }, data: { raw } });
    return name;
  }

  /** What `make` gives, made once for each key. */
  once(key: string, make: () => string): string {
    const known = this.known(key);
    if (known !== undefined) return known;
    const made = make();
    this.cache.set(key, made);
    return made;
  }

  private known(key: string): string | undefined {
    return this.cache.get(key) ?? this.outer?.known(key);
  }
}
