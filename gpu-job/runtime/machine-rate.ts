import type { MachineRate } from '../../shared/domain/step-cost.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { createSession, type TensorValue } from './session.ts';

const productSize = 1024;
/** Numbers of a pass: as many as the gates of a step over some hundred tokens. */
const pass = { dims: [512, 1536], times: 16 } as const;

/** How fast this machine multiplies matrices and passes over arrays, on the runtime and threads that a step uses: the best of some tries, well under a second. */
export async function measureMachineRate(threads?: number): Promise<MachineRate> {
  const product = await bestSeconds(threads, [productSize, productSize], (graph, a, b) => graph.matmul(a, b));
  const passes = await bestSeconds(threads, pass.dims, (graph, a, b) => {
    let x = a;
    for (let i = 0; i < pass.times; i++) x = graph.mul(x, b);
    return x;
  });
  const bytes = 3 * 4 * pass.dims[0] * pass.dims[1] * pass.times; // two operands and a result each
  return { flopsPerSecond: (2 * productSize ** 3) / product, passBytesPerSecond: bytes / passes };
}

async function bestSeconds(
  threads: number | undefined,
  dims: readonly [number, number],
  build: (graph: GraphBuilder, a: Tensor, b: Tensor) => Tensor,
): Promise<number> {
  const graph = new GraphBuilder();
  const [a, b] = [graph.input('a', 'float32', dims), graph.input('b', 'float32', dims)];
  // summed inside the graph, so that copying the result out is not timed
  graph.output('sum', graph.reduceSum(build(graph, a, b), [0, 1]));
  const session = await createSession(graph, threads === undefined ? {} : { threads });
  const value: TensorValue = { data: new Float32Array(dims[0] * dims[1]).fill(0.5), dims };
  let best = Infinity;
  for (let i = 0; i < 12; i++) {
    const started = performance.now();
    await session.run({ a: value, b: value });
    best = Math.min(best, performance.now() - started);
  }
  await session.close();
  return best / 1000;
}
