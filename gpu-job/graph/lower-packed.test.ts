import { describe, expect, test } from 'vitest';
import { ggufPacking, splitGgufBlocks } from '../../shared/formats/gguf-blocks.ts';
import { float16ToFloat32 } from '../../shared/formats/half.ts';
import { dynamicValues, packNf4 } from '../../shared/formats/nf4.ts';
import { packBlocks } from '../../shared/formats/pack-blocks.ts';
import type { Packing } from '../../shared/formats/packing.ts';
import { unpack, type PackedBytes } from '../../shared/formats/unpack.ts';
import { uniform } from '../../test/support/random-base.ts';
import { backward } from '../autodiff/backward.ts';
import { createSession } from '../runtime/session.ts';
import { GraphBuilder, type FloatType } from './builder.ts';
import { productFlops } from './flops.ts';
import { lowerGraph } from './lower.ts';
import type { Tensor } from './tensor.ts';

const shape = [6, 64] as const;
const random = uniform(9);
const values = Float32Array.from({ length: shape[0] * shape[1] }, () => 2 * random() - 1);

interface Packed {
  readonly packing: Packing;
  readonly parts: readonly PackedBytes[];
}

const bytesOf = (data: Float32Array | Uint16Array): Uint8Array => new Uint8Array(data.buffer);

function nf4(nested: boolean): Packed {
  const { packing, codes, scales, nestedScales } = packNf4(values);
  const parts: PackedBytes[] = [
    { dtype: 'U8', bytes: codes },
    { dtype: 'U8', bytes: scales },
    { dtype: 'F32', bytes: bytesOf(nestedScales) },
    { dtype: 'F32', bytes: bytesOf(dynamicValues) },
  ];
  if (nested) return { packing, parts };
  const plain = Float32Array.from({ length: scales.length }, (_, i) => 0.3 + 0.1 * i);
  return {
    packing: { kind: 'nf4', blockSize: 64 },
    parts: [
      { dtype: 'U8', bytes: codes },
      { dtype: 'F32', bytes: bytesOf(plain) },
    ],
  };
}

function blocks(): Packed {
  const { packing, codes, scales, zeros } = packBlocks(values, 32);
  const parts: PackedBytes[] = [
    { dtype: 'U8', bytes: codes },
    { dtype: 'F16', bytes: bytesOf(scales) },
    { dtype: 'U8', bytes: zeros },
  ];
  return { packing, parts };
}

function ggufBlocks(type: 'Q4_0' | 'Q4_1' | 'Q8_0', blockBytes: number): Packed {
  const bytes = Uint8Array.from({ length: (values.length / 32) * blockBytes }, () => Math.floor(random() * 256));
  for (let at = 0; at < bytes.length; at += blockBytes)
    for (const high of type === 'Q4_1' ? [1, 3] : [1]) bytes[at + high] = ((bytes[at + high] ?? 0) & 0x83) | 0x20;
  const { codes, scales, mins } = splitGgufBlocks(type, bytes);
  const packing = ggufPacking(type);
  if (!packing) throw new Error('it is known');
  const parts: PackedBytes[] = [
    { dtype: type === 'Q8_0' ? 'I8' : 'U8', bytes: codes },
    { dtype: 'F16', bytes: scales },
    ...(mins ? [{ dtype: 'F16' as const, bytes: mins }] : []),
  ];
  return { packing, parts };
}

const cases: Readonly<Record<string, Packed>> = {
  'NF4 with packed scales': nf4(true),
  'NF4 with plain scales': nf4(false),
  'blocks with zeros': blocks(),
  Q4_0: ggufBlocks('Q4_0', 18),
  Q4_1: ggufBlocks('Q4_1', 20),
  Q8_0: ggufBlocks('Q8_0', 34),
};

function parts(graph: GraphBuilder, { packing, parts: stored }: Packed): readonly Tensor[] {
  return stored.map(({ dtype, bytes }, i) => {
    if (dtype === 'U8') return graph.bytes(packing.kind === 'nf4' && i === 0 ? 'uint16' : 'uint8', bytes);
    if (dtype === 'I8') return graph.bytes('int8', bytes);
    const data = dtype === 'F16' ? float16ToFloat32(new Uint16Array(bytes.buffer)) : new Float32Array(bytes.buffer);
    return graph.cast(graph.constant([...data], [data.length]), 'float32');
  });
}

/** x W^T or x W of ones and twos, by the graph. */
async function product(packed: Packed, transposed: boolean, float: FloatType): Promise<number[]> {
  const graph = new GraphBuilder(float);
  const inner = transposed ? shape[1] : shape[0];
  const x = graph.input('x', float, ['N', inner]);
  graph.output(
    'y',
    graph.apply('PackedMatMul', [x, ...parts(graph, packed)], { packing: packed.packing, shape, transposed }),
  );
  const session = await createSession(graph, { float, threads: 1 });
  const data = Array.from({ length: 2 * inner }, (_, i) => 1 + (i % 3));
  const fed = float === 'float64' ? Float64Array.from(data) : Float32Array.from(data);
  const { y } = await session.run({ x: { data: fed, dims: [2, inner] } });
  await session.close();
  return Array.from(y?.data ?? [], Number);
}

/** The same from the values that unpacking by itself gives. */
function expected(W: Float32Array, transposed: boolean): number[] {
  const [rows, columns] = shape;
  const [outer, inner] = transposed ? [rows, columns] : [columns, rows];
  return [0, 1].flatMap((n) =>
    Array.from({ length: outer }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum += (1 + ((n * inner + k) % 3)) * (W[transposed ? i * columns + k : k * columns + i] ?? Number.NaN);
      return sum;
    }),
  );
}

const deviation = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN)))) / Math.max(...b.map(Math.abs));

describe.each(Object.entries(cases))('a product with %s', (_, packed) => {
  test.each([
    ['x W^T', true],
    ['x W', false],
  ] as const)('is that with its values, %s', async (__, transposed) => {
    const truth = expected(unpack(packed.packing, packed.parts), transposed);
    expect(deviation(await product(packed, transposed, 'float32'), truth)).toBeLessThan(1e-6);
    expect(deviation(await product(packed, transposed, 'float64'), truth)).toBeLessThan(1e-6);
  });

  test('is another one where the two codes of a byte are swapped', async () => {
    const [codes, ...others] = packed.parts;
    const swapped = codes?.bytes.map((byte) => ((byte & 15) << 4) | (byte >> 4)) ?? new Uint8Array();
    const wrong = { ...packed, parts: [{ dtype: codes?.dtype ?? 'U8', bytes: swapped }, ...others] };
    const truth = expected(unpack(packed.packing, packed.parts), true);
    expect(deviation(await product(wrong, true, 'float32'), truth)).toBeGreaterThan(0.01);
  });

  test('unpacks one copy of the bytes, once for each direction', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', 'float32', ['N', shape[1]]);
    const attrs = { packing: packed.packing, shape, transposed: true };
    const y = graph.apply('PackedMatMul', [x, ...parts(graph, packed)], attrs);
    graph.output('y', y);
    const [dx] = backward(graph, y, [x], { outputGradient: graph.input('g', 'float32', ['N', shape[0]]) });
    graph.output('dx', dx as Tensor); // one gradient for one parameter
    const { nodes, initializers } = lowerGraph(graph, 'float32');
    const codes = initializers.filter(
      ({ tensor }) => ['uint16', 'int8', 'uint8'].includes(tensor.dtype) && tensor.dims.length > 0,
    );
    expect(codes.length).toBe(packed.parts.filter(({ dtype }) => dtype === 'U8' || dtype === 'I8').length);
    // the matrix of each product is read by that product alone
    const matrices = nodes.filter(({ op }) => op === 'MatMul' || op === 'FusedMatMul').map(({ inputs }) => inputs[1]);
    expect(new Set(matrices).size).toBe(2);
    expect(productFlops(graph, { N: 5 })).toBe(2 * 2 * 5 * shape[0] * shape[1]);
  });
});
