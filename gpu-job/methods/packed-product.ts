import { invariant } from '../../shared/errors.ts';
import { shapeSize, type Dtype } from '../../shared/formats/dtype.ts';
import type { Packing } from '../../shared/formats/packing.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import type { CheckpointTensor } from '../folders/checkpoint-tensor.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { DType } from '../graph/dtype.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Whether any weight of a base is packed: nothing of it may then be unpacked before a graph runs. */
export function isPacked(base: BaseModelFolder): boolean {
  return [...base.tensors.values()].some(({ packed }) => packed !== undefined);
}

/** A packed matrix of the base in a graph: its bytes stay in their file. */
export interface PackedMatrix {
  readonly packing: Packing;
  readonly shape: readonly [outFeatures: number, inFeatures: number];
  readonly parts: readonly Tensor[];
}

/** Undefined where the weight is not packed. */
export function packedMatrix(graph: GraphBuilder, base: BaseModelFolder, name: string): PackedMatrix | undefined {
  const { packed, shape } = base.tensors.get(name) ?? {};
  if (!packed) return undefined;
  const { packing, parts } = packed;
  const [outFeatures, inFeatures] = shape ?? [];
  invariant(outFeatures !== undefined && inFeatures !== undefined, `${name} is a matrix`);
  // codes of NF4 are looked up four at a time
  const weight = parts.map((part, i) => packedPart(graph, part, packing.kind === 'nf4' && i === 0));
  return { packing, shape: [outFeatures, inFeatures], parts: weight };
}

/** x @ W^T. */
export function packedProduct(graph: GraphBuilder, { packing, shape, parts }: PackedMatrix, x: Tensor): Tensor {
  return graph.apply('PackedMatMul', [x, ...parts], { packing, shape, transposed: true });
}

function packedPart(graph: GraphBuilder, part: CheckpointTensor, inPairs: boolean): Tensor {
  const { name, dtype, file, offset, lengthBytes } = part;
  const size = shapeSize(part.shape);
  const stored = inPairs ? 'uint16' : partTypes[dtype];
  invariant(stored, `${name} was checked when the base was opened`);
  return graph.external(name, stored, [inPairs ? size / 2 : size], { location: file, offset, lengthBytes });
}

const partTypes: Partial<Readonly<Record<Dtype, DType>>> = {
  U8: 'uint8',
  I8: 'int8',
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
};
