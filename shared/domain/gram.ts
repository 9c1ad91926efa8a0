/**
 * Frobenius norm of a delta s * B A without the product: |B A|^2 = trace((B^T B)(A A^T)), two matrices of rank x rank.
 * One more row, of fixed signs, stands behind the r rows of A and of B^T. Its products with them give u^T B A v with random
 * signs u and v, a second number by which equal deltas are known, whatever rank, type and scale they are stored in.
 */

/** Rows that are multiplied with one another together: a block of nine products stays in registers. */
const tile = 3;

/** Rows of the matrices for a rank: r, the signs, and zeros up to whole blocks. */
export function gramRows(r: number): number {
  return Math.ceil((r + 1) / tile) * tile;
}

/** What becomes of a factor of rank r: its products with itself, [n, n] with n = `gramRows(r)`; only the upper half is filled. */
export function newGram(r: number): Float64Array {
  return new Float64Array(gramRows(r) ** 2);
}

/**
 * Adds R R^T. `rows` holds n rows of `width` values, each `stride` after the one before; sums are float64.
 * n is `gramRows(r)`.
 */
export function addGram(gram: Float64Array, rows: Float32Array, n: number, stride: number, width: number): void {
  for (let from = 0; from < width; from += stripWidth) {
    const to = Math.min(width, from + stripWidth);
    for (let i = 0; i < n; i += tile)
      for (let j = i; j < n; j += tile) addBlock(gram, rows, n, i, j, { stride, from, to });
  }
}

/** Values of a row at a time: six rows of them stay in the nearest cache. */
const stripWidth = 1024;

/** The products of rows i, i+1, i+2 with rows j, j+1, j+2. Indices are within bounds: n is a whole number of blocks. */
function addBlock(
  gram: Float64Array,
  rows: Float32Array,
  n: number,
  i: number,
  j: number,
  { stride, from, to }: { readonly stride: number; readonly from: number; readonly to: number },
): void {
  const [a, b] = [i * stride, j * stride];
  let [s00, s01, s02, s10, s11, s12, s20, s21, s22] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = from; k < to; k++) {
    const x0 = rows[a + k] as number;
    const x1 = rows[a + stride + k] as number;
    const x2 = rows[a + 2 * stride + k] as number;
    const y0 = rows[b + k] as number;
    const y1 = rows[b + stride + k] as number;
    const y2 = rows[b + 2 * stride + k] as number;
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s22 += x2 * y2;
  }
  const at = i * n + j;
  addTo(gram, at, s00, s01, s02);
  addTo(gram, at + n, s10, s11, s12);
  addTo(gram, at + 2 * n, s20, s21, s22);
}

function addTo(gram: Float64Array, at: number, a: number, b: number, c: number): void {
  gram[at] = (gram[at] as number) + a;
  gram[at + 1] = (gram[at + 1] as number) + b;
  gram[at + 2] = (gram[at + 2] as number) + c;
}

/** Norm and probe of B A from the products of A's rows and of B's columns; multiply both by the scaling. */
export function deltaFigures(ofA: Float64Array, ofB: Float64Array, r: number): { norm: number; probe: number } {
  const n = gramRows(r);
  let [trace, probe] = [0, 0];
  for (let i = 0; i < r; i++) {
    trace += (ofA[i * n + i] as number) * (ofB[i * n + i] as number);
    for (let j = i + 1; j < r; j++) trace += 2 * (ofA[i * n + j] as number) * (ofB[i * n + j] as number);
    probe += (ofA[i * n + r] as number) * (ofB[i * n + r] as number);
  }
  return { norm: Math.sqrt(Math.max(0, trace)), probe }; // rounding can leave a little less than nothing
}

/** Writes the signs of columns `from`, `from + 1`, ... of a factor: a function of side and column alone. */
export function fillSigns(target: Float32Array, side: 'A' | 'B', from: number): void {
  const seed = side === 'A' ? 0x9e3779b9 : 0x85ebca6b;
  for (let i = 0; i < target.length; i++) {
    let bits = Math.imul((from + i + 1) ^ seed, 0x27d4eb2d);
    bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d);
    bits ^= bits >>> 13;
    target[i] = (bits & 1) === 0 ? 1 : -1;
  }
}
