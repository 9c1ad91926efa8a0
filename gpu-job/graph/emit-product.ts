import type { FloatType } from './builder.ts';
import type { Emitter } from './emitter.ts';
import type { Attributes } from './ops.ts';

/** A value of which only its name and its number of dimensions are known. */
export interface Matrix {
  readonly name: string;
  readonly rank: number;
}

/** alpha * op(a) @ op(b) over the last two dimensions, into the value `y` where it has a name already. Returns that name. */
export function emitProduct(
  emit: Emitter,
  a: Matrix,
  b: Matrix,
  options: Partial<Attributes['MatMul']>,
  float: FloatType,
  y?: string,
): string {
  const { transA = false, transB = false, alpha = 1 } = options;
  if (!transA && !transB && alpha === 1) return emit.value('MatMul', [a.name, b.name], {}, '', y);
  if (float === 'float32') {
    const attrs = { transA: Number(transA), transB: Number(transB), alpha: { float: alpha } };
    return emit.value('FusedMatMul', [a.name, b.name], attrs, 'com.microsoft', y);
  }
  const left = transA ? swapLastTwo(emit, a) : a.name;
  const right = transB ? swapLastTwo(emit, b) : b.name;
  return emit.value('Mul', [emit.value('MatMul', [left, right]), emit.scalar(alpha, float)], {}, '', y);
}

export function swapLastTwo(emit: Emitter, { name, rank }: Matrix): string {
  return emit.value('Transpose', [name], { perm: [...Array(rank - 2).keys(), rank - 1, rank - 2] });
}
