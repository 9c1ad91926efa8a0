import type { ColumnMatrix } from '../combine/low-rank.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { createSession, float32Of, type Session } from '../runtime/session.ts';
import { frozenWeight } from './tuned-model.ts';

/** Products with a frozen matrix W [out, in], which stays in its file. */
export interface WeightProducts {
  /** W X for X [in, k]. */
  times(x: ColumnMatrix): Promise<ColumnMatrix>;
  /** W^T Y for Y [out, k]. */
  transposedTimes(y: ColumnMatrix): Promise<ColumnMatrix>;
  close(): Promise<void>;
}

/** Opens the weight of a linear module, however the base stores it. */
export async function openWeight(base: BaseModelFolder, module: string): Promise<WeightProducts> {
  const forward = await openProduct(base, module, false);
  const backward = await openProduct(base, module, true);
  return {
    times: (x) => product(forward, x),
    transposedTimes: (y) => product(backward, y),
    async close() {
      await forward.close();
      await backward.close();
    },
  };
}

/** A graph that multiplies rows, [k, in] W^T or [k, out] W: columns of a matrix are the rows of its transpose. */
function openProduct(base: BaseModelFolder, module: string, transposed: boolean): Promise<Session> {
  const graph = new GraphBuilder();
  const W = frozenWeight(graph, base, `${module}.weight`);
  const [out, inside] = W.dims as [number, number];
  const rows = graph.input('rows', 'float32', ['K', transposed ? out : inside]);
  graph.output('product', graph.matmul(rows, W, { transB: !transposed }));
  return createSession(graph, { weightsFolder: base.path, prepack: false });
}

async function product(session: Session, { rows, columns, data }: ColumnMatrix): Promise<ColumnMatrix> {
  const feeds = { rows: { data: Float32Array.from(data), dims: [columns, rows] } };
  const values = float32Of(await session.run(feeds), 'product');
  return { rows: values.length / columns, columns, data: Float64Array.from(values) };
}
