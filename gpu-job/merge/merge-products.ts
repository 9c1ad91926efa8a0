import { GraphBuilder } from '../graph/builder.ts';
import { createSession, float32Of, type Session, type TensorValue } from '../runtime/session.ts';

/** Some rows of a module's update scaling * B @ A. */
export interface UpdateBlock {
  readonly rows: number;
  readonly inFeatures: number;
  readonly r: number;
  readonly scaling: number;
  /** [r, inFeatures]. */
  readonly A: Float32Array;
  /** [rows, r]. */
  readonly B: Float32Array;
  /** Of DoRA: the length that each row of W + scaling * B @ A gets. [rows]. */
  readonly magnitude?: Float32Array;
}

/** W + scaling * B @ A [rows, inFeatures] in float32, its rows brought to their magnitudes where there are such. */
export type MergeProduct = (W: Float32Array, block: UpdateBlock) => Promise<Float32Array>;

export interface MergeProducts {
  readonly merged: MergeProduct;
  /** scaling * B @ A [rows, inFeatures] in float32, by a graph that knows nothing of W. */
  update(block: UpdateBlock): Promise<Float32Array>;
  close(): Promise<void>;
}

/** The products of a merge as graphs, compiled once for each scaling that occurs: few adapters have more than one. */
export function createMergeProducts(threads?: number): MergeProducts {
  const sessions = new Map<string, Promise<Session>>();
  const session = (kind: 'merged' | 'update', scaling: number): Promise<Session> => {
    const key = `${kind} ${scaling}`;
    const known = sessions.get(key);
    if (known) return known;
    const graph = kind === 'merged' ? mergedGraph(scaling) : updateGraph(scaling);
    const created = createSession(graph, threads === undefined ? {} : { threads });
    sessions.set(key, created);
    return created;
  };
  const run = async (kind: 'merged' | 'update', block: UpdateBlock, feeds: Feeds): Promise<Float32Array> =>
    float32Of(await (await session(kind, block.scaling)).run(feeds), 'result');
  return {
    async merged(W, block) {
      const feeds = { ...factors(block), W: { data: W, dims: [block.rows, block.inFeatures] } };
      const sum = await run('merged', block, feeds);
      if (block.magnitude) bringToLengths(sum, block.magnitude, block.inFeatures);
      return sum;
    },
    update: (block) => run('update', block, factors(block)),
    async close() {
      for (const created of sessions.values()) await (await created).close();
    },
  };
}

/** Gives each row the length that stands for it; lengths are computed in double precision. In place. */
function bringToLengths(values: Float32Array, lengths: Float32Array, rowLength: number): void {
  for (const [row, length] of lengths.entries()) {
    const [from, to] = [row * rowLength, (row + 1) * rowLength];
    let squares = 0;
    for (let i = from; i < to; i++) squares += (values[i] as number) ** 2;
    const factor = length / Math.sqrt(squares);
    for (let i = from; i < to; i++) values[i] = (values[i] as number) * factor;
  }
}

function mergedGraph(scaling: number): GraphBuilder {
  const graph = new GraphBuilder();
  const W = graph.input('W', 'float32', ['rows', 'in']);
  const B = graph.input('B', 'float32', ['rows', 'r']);
  const A = graph.input('A', 'float32', ['r', 'in']);
  graph.output('result', graph.add(W, graph.matmul(B, A, { alpha: scaling })));
  return graph;
}

function updateGraph(scaling: number): GraphBuilder {
  const graph = new GraphBuilder();
  const B = graph.input('B', 'float32', ['rows', 'r']);
  const A = graph.input('A', 'float32', ['r', 'in']);
  graph.output('result', graph.matmul(B, A, { alpha: scaling }));
  return graph;
}

type Feeds = Readonly<Record<string, TensorValue>>;

function factors({ rows, inFeatures, r, A, B }: UpdateBlock): Feeds {
  return { A: { data: A, dims: [r, inFeatures] }, B: { data: B, dims: [rows, r] } };
}
