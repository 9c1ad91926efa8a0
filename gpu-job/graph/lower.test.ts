import { describe, expect, test } from 'vitest';
import { createSession, type TensorValue } from '../runtime/session.ts';
import { GraphBuilder, type FloatType } from './builder.ts';
import { timesDim } from './dims.ts';
import { productFlops } from './flops.ts';
import { lowerGraph } from './lower.ts';
import type { Tensor } from './tensor.ts';

const floats = (float: FloatType, values: readonly number[], dims: readonly number[]): TensorValue => ({
  data: float === 'float32' ? Float32Array.from(values) : Float64Array.from(values),
  dims,
});
const range = (count: number, f: (i: number) => number = Math.sin): number[] =>
  Array.from({ length: count }, (_, i) => f(i + 1));

async function run(
  float: FloatType,
  feeds: Readonly<Record<string, TensorValue>>,
  build: (graph: GraphBuilder) => Tensor,
): Promise<number[]> {
  const graph = new GraphBuilder(float);
  graph.output('y', build(graph));
  const session = await createSession(graph, { float, threads: 1 });
  const { y } = await session.run(feeds);
  await session.close();
  return Array.from(y?.data ?? [], Number);
}

describe.each(['float32', 'float64'] as const)('in %s', (float) => {
  const digits = float === 'float32' ? 5 : 12;
  const close = (actual: readonly number[], expected: readonly number[]): void => {
    expect(actual).toHaveLength(expected.length);
    for (const [i, x] of actual.entries()) expect(x).toBeCloseTo(expected[i] ?? Number.NaN, digits);
  };

  test('attention is softmax(c q k^T + mask) v', async () => {
    const [q, k, v, mask] = [range(4), range(6, Math.cos), range(6), [0, -1e30, 0, 0.5, 0, 0]];
    const feeds = {
      q: floats(float, q, [1, 1, 2, 2]),
      k: floats(float, k, [1, 1, 3, 2]),
      v: floats(float, v, [1, 1, 3, 2]),
      m: floats(float, mask, [1, 1, 2, 3]),
    };
    const actual = await run(float, feeds, (g) => {
      const input = (name: string, rows: number, columns: number): Tensor =>
        g.input(name, float, [1, 1, rows, columns]);
      return g.apply('Attention', [input('q', 2, 2), input('k', 3, 2), input('v', 3, 2), input('m', 2, 3)], {
        scale: 0.7,
      });
    });
    const at = (xs: readonly number[], i: number): number => xs[i] ?? 0;
    const expected = [0, 1].flatMap((i) => {
      const weights = [0, 1, 2].map((j) =>
        Math.exp(0.7 * (at(q, 2 * i) * at(k, 2 * j) + at(q, 2 * i + 1) * at(k, 2 * j + 1)) + at(mask, 3 * i + j)),
      );
      const sum = weights.reduce((a, b) => a + b);
      return [0, 1].map((d) => weights.reduce((o, w, j) => o + (w / sum) * at(v, 2 * j + d), 0));
    });
    close(actual, expected);
  });

  test('attention in blocks lets a query see its own text up to itself, and no further back than the window', async () => {
    const values = range(2 * 5 * 2, (i) => Math.cos(1.3 * i));
    const [positions, segments] = [
      [0, 1, 2, 0, 1],
      [1, 1, 1, 2, 2],
    ];
    const seen = (i: number, j: number, window: number): boolean => {
      const [p, r] = [positions[i] ?? 0, positions[j] ?? 0];
      return segments[i] === segments[j] && r <= p && p - r < window;
    };
    const integers = (xs: readonly number[]): TensorValue => ({ data: BigInt64Array.from(xs, BigInt), dims: [1, 5] });
    const feeds = {
      q: floats(float, values, [1, 1, 2, 5, 2]),
      k: floats(float, values.slice(0, 10), [1, 1, 1, 5, 2]),
      p: integers(positions),
      s: integers(segments),
    };
    const at = (xs: readonly number[], i: number): number => xs[i] ?? 0;
    for (const window of [undefined, 2]) {
      const actual = await run(float, feeds, (g) => {
        const [q, k] = [g.input('q', float, [1, 1, 2, 'T', 2]), g.input('k', float, [1, 1, 1, 'T', 2])];
        const places = [g.input('p', 'int64', [1, 'T']), g.input('s', 'int64', [1, 'T'])];
        return g.apply('BlockwiseAttention', [q, k, k, ...places], { scale: 0.7, block: 2, window });
      });
      const expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((row) => {
        const weights = [0, 1, 2, 3, 4].map((j) => {
          const score =
            0.7 * (at(values, 2 * row) * at(values, 2 * j) + at(values, 2 * row + 1) * at(values, 2 * j + 1));
          return seen(row % 5, j, window ?? Infinity) ? Math.exp(score) : 0;
        });
        const sum = weights.reduce((a, b) => a + b);
        return [0, 1].map((d) => weights.reduce((o, w, j) => o + (w / sum) * at(values, 2 * j + d), 0));
      });
      close(actual, expected);
    }
  });

  test('rotary embedding turns the pairs (i, i + D/2) by the angle of the position', async () => {
    const feeds = {
      x: floats(float, [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4]),
      p: { data: BigInt64Array.of(2n, 0n), dims: [1, 2] },
      c: floats(
        float,
        range(6, (i) => Math.cos(i)),
        [3, 2],
      ),
      s: floats(
        float,
        range(6, (i) => Math.sin(i)),
        [3, 2],
      ),
    };
    const actual = await run(float, feeds, (g) =>
      g.apply(
        'Rope',
        [
          g.input('x', float, ['B', 1, 'T', 4]),
          g.input('p', 'int64', ['B', 'T']),
          g.input('c', float, ['M', 2]),
          g.input('s', float, ['M', 2]),
        ],
        { inverse: false },
      ),
    );
    const turn = (a: number, b: number, angle: number): number[] => [
      a * Math.cos(angle) - b * Math.sin(angle),
      b * Math.cos(angle) + a * Math.sin(angle),
    ];
    const [a, b, c, d] = [turn(1, 3, 5), turn(2, 4, 6), turn(5, 7, 1), turn(6, 8, 2)];
    close(actual, [a[0], b[0], a[1], b[1], c[0], d[0], c[1], d[1]].map(Number));
  });

  test('root mean square norm, silu and log-sum-exp', async () => {
    const feeds = { x: floats(float, [1, -2, 3, 0.5], [2, 2]), w: floats(float, [2, 0.5], [2]) };
    const input = (g: GraphBuilder): [Tensor, Tensor] => [g.input('x', float, ['N', 2]), g.input('w', float, [2])];
    const r = (a: number, b: number): number => 1 / Math.sqrt((a * a + b * b) / 2 + 1e-5);
    close(await run(float, feeds, (g) => g.apply('RmsNorm', input(g), { epsilon: 1e-5 })), [
      2 * r(1, 2),
      -r(1, 2),
      6 * r(3, 0.5),
      0.25 * r(3, 0.5),
    ]);
    close(
      await run(float, feeds, (g) => g.silu(input(g)[0])),
      [1, -2, 3, 0.5].map((x) => x / (1 + Math.exp(-x))),
    );
    close(
      await run(float, feeds, (g) => g.geluTanh(input(g)[0])),
      [1, -2, 3, 0.5].map((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
    );
    close(await run(float, feeds, (g) => g.apply('LogSumExp', [input(g)[0]], {})), [
      Math.log(Math.exp(1) + Math.exp(-2)),
      Math.log(Math.exp(3) + Math.exp(0.5)),
    ]);
    const far = { x: floats(float, [500, -500, -64, -64], [2, 2]) };
    close(await run(float, far, (g) => g.apply('LogSumExp', [input(g)[0]], {})), [500, Math.LN2 - 64]);
  });

  test('a dropout mask keeps 1 - rate of the elements, scaled, and is a function of seed, stream and place alone', async () => {
    const masks = (seed: bigint, stream: number, rows: number): Promise<number[]> => {
      const feeds = {
        x: floats(float, range(rows * 100), [rows, 100]),
        seed: { data: BigInt64Array.of(seed), dims: [] },
      };
      return run(float, feeds, (g) =>
        g.apply('DropoutMask', [g.input('x', float, ['N', 100]), g.input('seed', 'int64', [])], { rate: 0.25, stream }),
      );
    };
    const mask = await masks(7n, 3, 200);
    expect(new Set(mask.map((x) => x.toFixed(4)))).toEqual(new Set(['0.0000', '1.3333']));
    const kept = mask.filter((x) => x > 0).length / mask.length;
    expect(Math.abs(kept - 0.75)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / mask.length)); // four standard deviations
    expect(await masks(7n, 3, 200)).toEqual(mask);
    expect((await masks(7n, 3, 250)).slice(0, mask.length)).toEqual(mask);
    for (const other of [await masks(8n, 3, 200), await masks(7n, 4, 200)]) {
      const agree = other.filter((x, i) => x === mask[i]).length / mask.length;
      expect(Math.abs(agree - (0.75 ** 2 + 0.25 ** 2))).toBeLessThan(0.02); // independent masks agree by chance only
    }
    expect(mask.map((x) => (x > 0 ? 1 : 0)).slice(0, 40)).toEqual(expectedMask(7, 3, 40));
  });
});

test('halves of a symbolic length are cut and joined, and know their own length', async () => {
  const feeds = { x: floats('float32', range(12), [2, 6]) };
  const swapped = await run('float32', feeds, (g) => {
    const x = g.input('x', 'float32', ['N', timesDim(2, 'H')]);
    const [first, second] = g.split(x, 1, ['H', 'H']) as [Tensor, Tensor];
    const ones = g.expand(g.constant([1]), ['N', 'H']);
    return g.concat([second, g.add(first, ones)], 1, timesDim(2, 'H'));
  });
  const row = (from: number): number[] => [3, 4, 5, 0, 1, 2].map((i) => range(12)[from + i] as number);
  const expected = [...row(0), ...row(6)].map((x, i) => (i % 6 < 3 ? x : x + 1));
  for (const [i, x] of swapped.entries()) expect(x).toBeCloseTo(expected[i] ?? Number.NaN, 6);
});

test('rows are scaled after a product that makes them shorter, with the same result', async () => {
  const rows = 3;
  const feeds = {
    x: floats('float32', range(rows * 8), [rows, 8]),
    c: floats('float32', range(rows, Math.cos), [rows, 1]),
    w: floats('float32', range(16, Math.cos), [8, 2]),
  };
  const build = (keepScaled: boolean) => (g: GraphBuilder) => {
    const [x, c, w] = [
      g.input('x', 'float32', ['N', 8]),
      g.input('c', 'float32', ['N', 1]),
      g.input('w', 'float32', [8, 2]),
    ];
    const scaled = g.mul(x, c);
    if (keepScaled) g.output('scaled', scaled);
    return g.matmul(scaled, w);
  };
  const ops = (keepScaled: boolean): string[] => {
    const graph = new GraphBuilder();
    graph.output('y', build(keepScaled)(graph));
    return lowerGraph(graph, 'float32').nodes.map((node) => node.op);
  };
  expect(ops(false)).toEqual(['MatMul', 'Mul', 'Identity']);
  expect(ops(true).slice(0, 2)).toEqual(['Mul', 'MatMul']);
  const [after, before] = [await run('float32', feeds, build(false)), await run('float32', feeds, build(true))];
  for (const [i, x] of after.entries()) expect(x).toBeCloseTo(before[i] ?? Number.NaN, 5);
});

test('what no output needs is neither computed nor asked for', () => {
  const graph = new GraphBuilder();
  const [x, unused] = [graph.input('x', 'float32', [2]), graph.input('unused', 'float32', [2])];
  graph.exp(unused);
  graph.output('y', graph.exp(x));
  const model = lowerGraph(graph, 'float32');
  expect(model.inputs.map(({ name }) => name)).toEqual(['x']);
  expect(model.nodes.map((node) => node.op)).toEqual(['Exp', 'Identity']);
});

test('floating-point operations are counted as 2mnk of the products that run', () => {
  const graph = new GraphBuilder();
  const [x, w] = [graph.input('x', 'float32', ['B*T', 8]), graph.input('w', 'float32', [4, 8])];
  graph.matmul(x, x, { transA: true }); // feeds no output
  graph.output('y', graph.matmul(x, w, { transB: true }));
  expect(productFlops(graph, { B: 3, T: 5 })).toBe(2 * 15 * 8 * 4);
});

test('of attention in blocks, each block counts with the keys up to its end and back to its window', () => {
  const flops = (window: number | undefined): number => {
    const graph = new GraphBuilder();
    const [q, k] = [graph.input('q', 'float32', ['B', 2, 3, 'T', 8]), graph.input('k', 'float32', ['B', 2, 1, 'T', 8])];
    const places = ['p', 's'].map((name) => graph.input(name, 'int64', ['B', 'T']));
    graph.output('o', graph.apply('BlockwiseAttention', [q, k, k, ...places], { scale: 1, block: 4, window }));
    return productFlops(graph, { B: 5, T: 10 });
  };
  // blocks of 4 queries over 4, 8 and 10 keys; the last has two queries and is filled up
  expect(flops(undefined)).toBe(2 * 2 * 8 * (5 * 2 * 3) * 4 * (4 + 8 + 10));
  expect(flops(2)).toBe(2 * 2 * 8 * (5 * 2 * 3) * 4 * (4 + 5 + 3));
});

/** (x + shift)^3 modulo a prime, as the mask's lowering says. */
function cubed(x: number): number {
  const prime = 2_147_483_579n;
  const y = (BigInt(x) + 1_013_904_223n) % prime;
  return Number((y * y * y) % prime);
}

/** The mask written with whole numbers of any size: 1 where kept. */
function expectedMask(seed: number, stream: number, count: number): number[] {
  const key = cubed(cubed(seed) + stream);
  return Array.from({ length: count }, (_, i) => (cubed(cubed(i) + key) >= 0.25 * 2_147_483_579 ? 1 : 0));
}
