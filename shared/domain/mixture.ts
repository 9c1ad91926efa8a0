/** One dataset of a mixture: how many rows it has, and how many of them come for each row of the first, whose weight is 1. */
export interface MixedPart {
  readonly rows: number;
  readonly weight: number;
}

/**
 * Rows that a part of a mixture has given before an epoch begins. An epoch reads the first part once; of the others it takes what their weights say,
 * where the epoch before stopped, over and over. Of a share that is no whole number of rows the rest is kept for the next epoch.
 */
export function rowsBefore(parts: readonly MixedPart[], part: number, epoch: number): number {
  const [first, own] = [parts[0], parts[part]];
  // a product that should be whole may lie just below
  return Math.floor(epoch * (own?.weight ?? 0) * (first?.rows ?? 0) + 1e-9);
}

/** Rows of one epoch of a mixture. */
export function rowsOfEpoch(parts: readonly MixedPart[], epoch: number): number {
  return parts.reduce((sum, _, i) => sum + rowsBefore(parts, i, epoch + 1) - rowsBefore(parts, i, epoch), 0);
}
