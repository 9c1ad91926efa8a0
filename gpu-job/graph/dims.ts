/**
 * Dimensions of a shape: a number, or a product of symbols such as `B`, `T`, `B*T`, `3*T`, known only when the graph runs.
 * A symbolic dimension is a string in canonical form (coefficient first, symbols sorted), so equality is `===`.
 */
export type Dim = number | string;
export type Dims = readonly Dim[];

interface Monomial {
  readonly coefficient: number;
  readonly symbols: readonly string[];
}

/** a * b. */
export function timesDim(a: Dim, b: Dim): Dim {
  const [x, y] = [parseDim(a), parseDim(b)];
  return formatDim({ coefficient: x.coefficient * y.coefficient, symbols: [...x.symbols, ...y.symbols] });
}

/** a / b, or undefined when b does not divide a for every value of the symbols. */
export function divideDim(a: Dim, b: Dim): Dim | undefined {
  const [x, y] = [parseDim(a), parseDim(b)];
  if (y.coefficient === 0 || x.coefficient % y.coefficient !== 0) return undefined;
  const left = [...x.symbols];
  for (const symbol of y.symbols) {
    const at = left.indexOf(symbol);
    if (at < 0) return undefined;
    left.splice(at, 1);
  }
  return formatDim({ coefficient: x.coefficient / y.coefficient, symbols: left });
}

/** Number of elements of a shape; 1 for a scalar. */
export function productOfDims(dims: Dims): Dim {
  return dims.reduce<Dim>(timesDim, 1);
}

export function sameDims(a: Dims, b: Dims): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** The symbols of a dimension and its numeric factor: `3*B*T` is 3 and [B, T]. */
export function parseDim(dim: Dim): Monomial {
  if (typeof dim === 'number') return { coefficient: dim, symbols: [] };
  const parts = dim.split('*');
  const first = Number(parts[0]);
  return Number.isNaN(first) ? { coefficient: 1, symbols: parts } : { coefficient: first, symbols: parts.slice(1) };
}

function formatDim({ coefficient, symbols }: Monomial): Dim {
  if (symbols.length === 0 || coefficient === 0) return coefficient;
  const name = symbols.toSorted().join('*');
  return coefficient === 1 ? name : `${coefficient}*${name}`;
}
