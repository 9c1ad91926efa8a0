import { decodeToFloat32, encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import type { LowRank } from './low-rank.ts';

/** The factors as they will be read again once they are stored as `dtype`. */
export function roundedFactors({ r, A, B }: LowRank, dtype: FloatDtype): LowRank {
  const round = (values: Float32Array): Float32Array => decodeToFloat32(dtype, encodeFromFloat32(dtype, values));
  return { r, A: round(A), B: round(B) };
}
