import { GraphBuilder } from '../gpu-job/graph/builder.ts';
import { createSession } from '../gpu-job/runtime/session.ts';

const size = 2048;

/** The machine's own rate: the best of 12 float32 products of 2048 x 2048 matrices on the same runtime and threads, in GFLOP/s. */
export async function bestGemmGflops(): Promise<number> {
  const graph = new GraphBuilder();
  const [a, b] = [graph.input('a', 'float32', [size, size]), graph.input('b', 'float32', [size, size])];
  // summed inside the graph, so that copying the product out is not timed
  graph.output('sum', graph.reduceSum(graph.matmul(a, b), [0, 1]));
  const session = await createSession(graph);
  const value = { data: new Float32Array(size * size).fill(0.5), dims: [size, size] };
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 12; i++) {
    const started = performance.now();
    await session.run({ a: value, b: value });
    best = Math.min(best, performance.now() - started);
  }
  await session.close();
  return (2 * size ** 3) / best / 1e6;
}
