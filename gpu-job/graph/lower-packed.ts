import { nf4Values } from '../../shared/formats/nf4.ts';
import type { BlockPacking, Nf4Packing, Packing } from '../../shared/formats/packing.ts';
import type { FloatType } from './builder.ts';
import { emitProduct, type Matrix } from './emit-product.ts';
import type { Emitter } from './emitter.ts';
import { onnxTypeCode } from './onnx.ts';
import type { GraphNode, Tensor } from './tensor.ts';

/**
 * Unpacks the matrix and multiplies. The pieces are the runtime's plain operators over whole matrices, which it runs on all cores and at the
 * speed of memory; `DequantizeLinear` takes four times as long for 4 bits, and `MatMulNBits` knows one direction only (docs/adr/0016).
 */
export function lowerPackedMatMul(emit: Emitter, node: GraphNode<'PackedMatMul'>, float: FloatType): void {
  const { packing, shape, transposed } = node.attrs;
  const [x, ...parts] = node.inputs as [Tensor, ...Tensor[]];
  const matrix = unpacked(emit, packing, shape, parts);
  const exact = float === 'float64' ? emit.cast(matrix, 'float64') : matrix;
  const [left, right] = [x.name, exact].map((name) => ({ name, rank: 2 })) as [Matrix, Matrix];
  emitProduct(emit, left, right, { transB: transposed }, float, node.outputs[0]?.name);
}

export function lowerUnpack(emit: Emitter, node: GraphNode<'Unpack'>): void {
  const { packing, shape, to } = node.attrs;
  const matrix = unpacked(emit, packing, shape, node.inputs);
  const outputs = node.outputs.map(({ name }) => name);
  emit.node('Cast', [matrix], outputs, { to: onnxTypeCode(to) });
}

/** [out, in] in float32. */
function unpacked(emit: Emitter, packing: Packing, shape: readonly [number, number], parts: readonly Tensor[]): string {
  const blocks =
    packing.kind === 'nf4' ? nf4BlockValues(emit, packing, shape, parts) : blockValues(emit, packing, shape, parts);
  return emit.value('Reshape', [blocks, emit.integers(shape)]);
}

/** [blocks, blockSize] in float32. */
function blockValues(
  emit: Emitter,
  { blockSize, bits, offset }: BlockPacking,
  shape: readonly [number, number],
  parts: readonly Tensor[],
): string {
  const [codes, scales, more] = parts as [Tensor, Tensor, Tensor?];
  const blocks = (shape[0] * shape[1]) / blockSize;
  const perBlock = (part: Tensor): string => emit.value('Reshape', [inFloat32(emit, part), emit.integers([blocks, 1])]);
  const whole =
    bits === 8 ? emit.cast(codes.name, 'float32') : splitters[emit.device](emit, codes, [blocks, 1, blockSize / 2]);
  const numbers = emit.value('Reshape', [whole, emit.integers([blocks, blockSize])]);
  const zero = typeof offset === 'number' ? (offset === 0 ? undefined : emit.scalar(offset, 'float32')) : undefined;
  const taken = offset === 'zeros' && more ? perBlock(more) : zero;
  const centred = taken === undefined ? numbers : emit.value('Sub', [numbers, taken]);
  const scaled = emit.value('Mul', [centred, perBlock(scales)]);
  return offset === 'mins' && more ? emit.value('Add', [scaled, perBlock(more)]) : scaled;
}

/** Codes in float32 and in their order, [blocks, 2, blockSize / 2], of bytes that hold two each. */
const splitters: Readonly<
  Record<Emitter['device'], (emit: Emitter, codes: Tensor, rows: readonly number[]) => string>
> = {
  cpu(emit, codes, rows) {
    const bytes = emit.value('Reshape', [codes.name, emit.integers(rows)]);
    const low = emit.value('BitwiseAnd', [bytes, emit.byte(15)]);
    const high = emit.value('BitShift', [bytes, emit.byte(4)], { direction: 'RIGHT' });
    return emit.cast(emit.value('Concat', [low, high], { axis: 1 }), 'float32');
  },
  // there are no kernels for the bits of a byte; all of these numbers are exact
  cuda(emit, codes, rows) {
    const bytes = emit.cast(emit.value('Reshape', [codes.name, emit.integers(rows)]), 'float32');
    const sixteenth = emit.scalar(1 / 16, 'float32');
    const high = emit.value('Floor', [emit.value('Mul', [bytes, sixteenth])]);
    const low = emit.value('Sub', [bytes, emit.value('Mul', [high, emit.scalar(16, 'float32')])]);
    return emit.value('Concat', [low, high], { axis: 1 });
  },
};

/** [blocks, blockSize] in float32. Four codes at a time are looked up: 65,536 rows of four values fit into a core's cache. */
function nf4BlockValues(
  emit: Emitter,
  { blockSize, nested }: Nf4Packing,
  shape: readonly [number, number],
  parts: readonly Tensor[],
): string {
  const [codes, scales, nestedScales, table] = parts as [Tensor, Tensor, Tensor?, Tensor?];
  const blocks = (shape[0] * shape[1]) / blockSize;
  const places = emit.cast(codes.name, 'int32');
  const numbers = emit.value('Reshape', [
    emit.value('Gather', [emit.table('nf4', [65_536, 4], fourNf4Values), places], { axis: 0 }),
    emit.integers([blocks, blockSize]),
  ]);
  const plain =
    nested && nestedScales && table
      ? unpackScales(emit, { scales, nestedScales, table }, blocks, nested)
      : inFloat32(emit, scales);
  return emit.value('Mul', [numbers, emit.value('Reshape', [plain, emit.integers([blocks, 1])])]);
}

/** table[place] * nested scale + offset, [blocks]; the last nested block may be shorter. */
function unpackScales(
  emit: Emitter,
  { scales, nestedScales, table }: { scales: Tensor; nestedScales: Tensor; table: Tensor },
  blocks: number,
  { blockSize, offset }: NonNullable<Nf4Packing['nested']>,
): string {
  const places = emit.cast(scales.name, 'int32');
  const values = emit.value('Reshape', [emit.value('Gather', [table.name, places], { axis: 0 }), emit.integers([-1])]);
  const nestedBlocks = Math.ceil(blocks / blockSize);
  const column = emit.value('Reshape', [nestedScales.name, emit.integers([nestedBlocks, 1])]);
  const spread = emit.value('Reshape', [
    emit.value('Expand', [column, emit.integers([nestedBlocks, blockSize])]),
    emit.integers([-1]),
  ]);
  const cut = emit.value('Slice', [spread, emit.integers([0]), emit.integers([blocks]), emit.integers([0])]);
  return emit.value('Add', [emit.value('Mul', [values, cut]), emit.scalar(offset, 'float32')]);
}

/** Values of two bytes as they lie in memory: the first in the high bits of the lower byte. */
function fourNf4Values(): Float32Array {
  const rows = new Float32Array(65_536 * 4);
  for (let pair = 0; pair < 65_536; pair++)
    for (const [i, shift] of [4, 0, 12, 8].entries()) rows[pair * 4 + i] = nf4Values[(pair >> shift) & 15] as number;
  return rows;
}

function inFloat32(emit: Emitter, part: Tensor): string {
  return part.dtype === 'float32' ? part.name : emit.cast(part.name, 'float32');
}
