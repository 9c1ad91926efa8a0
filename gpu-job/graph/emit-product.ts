import type { FloatType } from './builder.ts';
import type { Emitter } from './emitter.ts';
import type { Attributes } from './ops.ts';
import { reducedOperand, widenedResult } from './reduced-products.ts';

/** A value of which only its name and its number of dimensions are known. */
export interface Matrix {
  readonly name: string;
  readonly rank: number;
}

/**
 * alpha * op(a) @ op(b) over the last two dimensions, into the value `y` where it has a name already. Returns that name. Every product of
 * every graph is made here, in the type in which products are computed.
 */
export function emitProduct(
  emit: Emitter,
  a: Matrix,
  b: Matrix,
  options: Partial<Attributes['MatMul']>,
  float: FloatType,
  y?: string,
): string {
  const { reduced } = emit;
  if (!reduced) return plainProduct(emit, a, b, options, float, y);
  const [left, right] = [a, b].map(({ name, rank }) => ({ name: reducedOperand(emit, name, reduced), rank }));
  return widenedResult(emit, plainProduct(emit, left as Matrix, right as Matrix, options, float), reduced, y);
}

/** Sums of a * b over the last axis, kept, into the value `y`: what the product of matrices with these rows would hold, to the last bit but for the order of sums. */
export function emitRowProduct(emit: Emitter, a: string, b: string, y: string): void {
  const sum = (left: string, right: string, into?: string): string =>
    emit.value('ReduceSum', [emit.value('Mul', [left, right]), emit.integers([-1])], { keepdims: 1 }, '', into);
  if (!emit.reduced) return void sum(a, b, y);
  // no device has a kernel that multiplies row by row and keeps the sum in float32
  const rounded = { ...emit.reduced, native: false };
  widenedResult(emit, sum(reducedOperand(emit, a, rounded), reducedOperand(emit, b, rounded)), rounded, y);
}

function plainProduct(
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
