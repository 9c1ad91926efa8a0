import { describe, expect, test } from 'vitest';
import { decodeToFloat32, encodeFromFloat32 } from '../../shared/formats/dtype.ts';
import { createSession } from '../runtime/session.ts';
import { GraphBuilder } from './builder.ts';
import type { Compute } from '../../shared/methods/compute.ts';
import { lowerGraph } from './lower.ts';
import { onnxTypeCode } from './onnx.ts';
import type { Tensor } from './tensor.ts';

const [rows, inner, columns] = [3, 8, 5];
const values = (count: number, shift: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(2.3 * i + shift));
const a = values(rows * inner, 0);
const b = values(columns * inner, 1);

const rounding = {
  bfloat16: (numbers: Float32Array) => decodeToFloat32('BF16', encodeFromFloat32('BF16', numbers)),
  float16: (numbers: Float32Array) => decodeToFloat32('F16', encodeFromFloat32('F16', numbers)),
};

async function run(
  compute: Compute,
  feeds: Readonly<Record<string, { readonly data: Float32Array; readonly dims: readonly number[] }>>,
  build: (graph: GraphBuilder, ...inputs: Tensor[]) => Tensor,
): Promise<Float32Array> {
  const graph = new GraphBuilder();
  const inputs = Object.entries(feeds).map(([name, { dims }]) => graph.input(name, 'float32', dims));
  graph.output('y', build(graph, ...inputs));
  const session = await createSession(graph, { compute, threads: 1 });
  const { y } = await session.run(feeds);
  await session.close();
  return y?.data as Float32Array; // the graph's type
}

/** alpha A B^T with sums in double precision. */
function product(left: Float32Array, right: Float32Array, alpha = 1): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += (left[row * inner + k] as number) * (right[column * inner + k] as number); // within both
    return alpha * sum;
  });
}

describe.each(['bfloat16', 'float16'] as const)('in %s', (compute) => {
  const round = rounding[compute];
  const feeds = { a: { data: a, dims: [rows, inner] }, b: { data: b, dims: [columns, inner] } };

  test('a product takes rounded operands and gives a rounded result', async () => {
    const found = await run(compute, feeds, (g, x, w) => g.matmul(x, w, { transB: true, alpha: 0.7 }));
    expect(found).toEqual(round(product(round(a), round(b), 0.7)));
    // the planted fault: operands as they are
    expect(found).not.toEqual(round(product(a, b, 0.7)));
  });

  test('a row times a row is what the product of the matrices holds there', async () => {
    const square = { a: { data: a, dims: [rows, inner] }, b: { data: b.slice(0, rows * inner), dims: [rows, inner] } };
    const whole = await run(compute, square, (g, x, w) => g.matmul(x, w, { transB: true }));
    const diagonal = await run(compute, square, (g, x, w) => g.rowProduct(x, w));
    expect([...diagonal]).toEqual([0, 1, 2].map((i) => whole[i * rows + i]));
  });

  test('everything else keeps float32', async () => {
    const tiny = { a: { data: Float32Array.of(1 + 2 ** -20), dims: [1] } };
    const found = await run(compute, tiny, (g, x) => g.sub(x, g.constant([1])));
    expect(found).toEqual(Float32Array.of(2 ** -20));
  });

  test('a weight that is stored so is multiplied as it is stored, and others are cast once for all products', () => {
    const other = compute === 'bfloat16' ? 'float16' : 'bfloat16';
    const graph = new GraphBuilder();
    const x = graph.input('x', 'float32', [4, 4]);
    const weight = (name: string, dtype: typeof compute): Tensor =>
      graph.cast(graph.external(name, dtype, [4, 4], { location: 'w', offset: 0, lengthBytes: 32 }), 'float32');
    const [same, different] = [weight('same', compute), weight('different', other)];
    graph.output(
      'y',
      graph.add(graph.matmul(x, same), graph.add(graph.matmul(x, different), graph.matmul(different, same))),
    );
    const { nodes } = lowerGraph(graph, 'float32', { compute, device: 'cuda' });
    const casts = nodes.filter(({ op, attrs }) => op === 'Cast' && attrs['to'] === onnxTypeCode(compute));
    expect(new Set(casts.map(({ inputs }) => inputs[0]))).toEqual(new Set(['different', 'x']));
    expect(casts).toHaveLength(2);
    const operands = new Set(nodes.filter(({ op }) => op === 'MatMul').flatMap(({ inputs }) => inputs));
    expect(operands).toEqual(new Set(['same', ...casts.map(({ outputs }) => outputs[0] as string)]));
  });
});
