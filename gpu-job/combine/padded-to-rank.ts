import type { LowRank } from './low-rank.ts';

/** The same matrix at a higher rank: zeros as further rows of A and columns of B. */
export function paddedToRank({ r, A, B }: LowRank, rank: number): LowRank {
  if (r >= rank) return { r, A, B };
  const [inFeatures, outFeatures] = [A.length / r, B.length / r];
  const wideA = new Float32Array(rank * inFeatures);
  wideA.set(A);
  const wideB = new Float32Array(outFeatures * rank);
  for (let row = 0; row < outFeatures; row++) wideB.set(B.subarray(row * r, (row + 1) * r), row * rank);
  return { r: rank, A: wideA, B: wideB };
}
