import type { UpdateBlock } from './merge-products.ts';
import type { Rounding } from './rounding.ts';

/** What the check of one tensor has seen so far. */
export interface BlockCheck {
  /** Values that no correct merge may write. */
  faults: number;
  /** Values of W + update that the stored type cannot hold: too large, or no numbers. Not the merge's fault. */
  unstorable: number;
  /** Largest |W' - (W + update)|, and what is allowed at that value. */
  maxError: number;
  bound: number;
  /** Sums of squares: of the update, of what changed (W' - W), of the difference between the two. */
  update: number;
  change: number;
  lost: number;
}

export function newBlockCheck(): BlockCheck {
  return { faults: 0, unstorable: 0, maxError: 0, bound: 0, update: 0, change: 0, lost: 0 };
}

/** Some rows of a tensor: of the base, as written, and what was to be added. */
export interface CheckedRows {
  readonly W: Float32Array;
  readonly written: Float32Array;
  readonly update: Float32Array | Float64Array | undefined;
  readonly rowLength: number;
}

/**
 * Holds written values to W' = round(W + update), value by value: |W' - (W + update)| <= half a unit in the last place of the
 * stored type at W + update, plus what the float32 arithmetic of both sides may differ by (`slack` and a few units of W). So it
 * passes exactly what a correct merge may write: a wrong scale or a transposed product shows wherever it changes the rounding.
 */
export function checkBlock(check: BlockCheck, rows: CheckedRows, rounding: Rounding, slack?: UpdateSlack): void {
  const { W, written, update, rowLength } = rows;
  const { splitter } = rounding;
  let { maxError, update: updateSquares, change: changeSquares, lost: lostSquares } = check;
  for (let i = 0; i < W.length; i++) {
    const w = W[i] as number;
    const result = written[i] as number;
    const d = update === undefined ? 0 : (update[i] as number);
    const wanted = w + d;
    const error = Math.abs(result - wanted);
    const change = result - w;
    updateSquares += d * d;
    changeSquares += change * change;
    lostSquares += (change - d) * (change - d);
    // Veltkamp's splitting rounds `wanted` to the stored precision in three operations: mostly nothing can be nearer than W'.
    const scaled = wanted * splitter;
    const nearest = scaled - (scaled - wanted);
    if (error <= Math.abs(nearest - wanted) && error <= maxError) continue;
    if (!(Math.abs(wanted) < rounding.overflow)) {
      check.unstorable++;
      continue;
    }
    const bound = halfUnit(rounding, wanted) + (slack ? slack.at(Math.floor(i / rowLength), i % rowLength, w) : 0);
    if (!(error <= bound)) check.faults++; // this way round NaN is a fault
    if (!(error <= maxError)) {
      maxError = error;
      check.bound = bound;
    }
  }
  check.maxError = maxError;
  check.update = updateSquares;
  check.change = changeSquares;
  check.lost = lostSquares;
}

function halfUnit({ relative, smallest }: Rounding, value: number): number {
  scratch[0] = value;
  scratchBits[0] = (scratchBits[0] as number) & exponentBits;
  return Math.max(relative * scratch[0], smallest);
}

/** The exponent of a float32 alone is the power of two at or below its size. */
const exponentBits = 0x7f800000;
const float32Unit = 2 ** -24;
const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** How far two correct float32 evaluations may lie apart. */
export interface UpdateSlack {
  /** Of scaling * B @ A alone. */
  ofUpdate(row: number, column: number): number;
  /** Of w + scaling * B @ A. */
  at(row: number, column: number, w: number): number;
}

/**
 * 2 (r + 4) units of |scaling| |B_row| |A_column|, which is at least the sum of the products' sizes (Cauchy-Schwarz), for the two
 * products, and 4 units of w for the additions. Source: Higham, Accuracy and Stability of Numerical Algorithms, 3.1.
 */
export function updateSlack({ rows, inFeatures, r, scaling, A, B }: UpdateBlock): UpdateSlack {
  const columns = new Float64Array(inFeatures);
  for (let k = 0; k < r; k++)
    for (let j = 0; j < inFeatures; j++) columns[j] = (columns[j] as number) + (A[k * inFeatures + j] as number) ** 2;
  const lengths = new Float64Array(rows);
  for (let i = 0; i < B.length; i++) {
    const row = Math.floor(i / r);
    lengths[row] = (lengths[row] as number) + (B[i] as number) ** 2;
  }
  const factor = 2 * (r + 4) * float32Unit * Math.abs(scaling);
  const ofUpdate = (row: number, column: number): number =>
    factor * Math.sqrt((lengths[row] as number) * (columns[column] as number));
  return { ofUpdate, at: (row, column, w) => ofUpdate(row, column) + 4 * float32Unit * Math.abs(w) };
}

/**
 * What DoRA adds to W beside what is added before: m / |W + d| (W + d) - W for an update d, in double precision from the definition, and
 * how far two correct float32 evaluations of that may lie apart: those of W + d, which also move the length of the row.
 */
export function doraUpdate(
  W: Float32Array,
  update: Float32Array,
  { inFeatures, magnitude }: Pick<UpdateBlock, 'inFeatures'> & { readonly magnitude: Float32Array },
  slack: UpdateSlack,
): { readonly update: Float64Array; readonly slack: UpdateSlack } {
  const rescaled = new Float64Array(W.length);
  const factors = new Float64Array(magnitude.length);
  const relative = new Float64Array(magnitude.length);
  for (const [row, length] of magnitude.entries()) {
    let [squares, apart] = [0, 0];
    const from = row * inFeatures;
    for (let j = 0; j < inFeatures; j++) {
      const w = W[from + j] as number;
      squares += (w + (update[from + j] as number)) ** 2;
      apart += slack.at(row, j, w) ** 2;
    }
    const factor = length / Math.sqrt(squares);
    factors[row] = factor;
    relative[row] = Math.sqrt(apart / squares) + 2 * float32Unit;
    for (let j = 0; j < inFeatures; j++) {
      const w = W[from + j] as number;
      rescaled[from + j] = factor * (w + (update[from + j] as number)) - w;
    }
  }
  const at: UpdateSlack['at'] = (row, column, w) => {
    const wanted = Math.abs(w + (rescaled[row * inFeatures + column] as number));
    return Math.abs(factors[row] as number) * slack.at(row, column, w) + wanted * (relative[row] as number);
  };
  return { update: rescaled, slack: { ofUpdate: (row, column) => slack.ofUpdate(row, column), at } };
}
