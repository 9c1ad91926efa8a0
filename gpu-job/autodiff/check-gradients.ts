import { invariant } from '../../shared/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Dims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { createSession, type TensorValue } from '../runtime/session.ts';
import { backward } from './backward.ts';
import { vjpRules, type VjpRules } from './vjp-rules.ts';

export interface GradientInput {
  /** Shape in the graph; symbols are allowed. */
  readonly dims: Dims;
  readonly value: TensorValue;
  /** Whether its gradient is checked. Only float64 inputs can be. */
  readonly trained: boolean;
}

export interface GradientCheck {
  readonly inputs: Readonly<Record<string, GradientInput>>;
  /** Builds the function; its result may have any shape. */
  build(graph: GraphBuilder, inputs: Readonly<Record<string, Tensor>>): Tensor;
}

/**
 * Largest relative error between the gradients of a function and central differences, in float64:
 * max |analytic - numeric| / max(|analytic|, |numeric|) per tensor, each taken over the tensor's largest entry.
 * The result of the function is contracted with fixed irregular weights, so that no error can cancel.
 */
export async function checkGradients(check: GradientCheck, rules: VjpRules = vjpRules): Promise<number> {
  const graph = new GraphBuilder('float64');
  const tensors = Object.fromEntries(
    Object.entries(check.inputs).map(([name, { dims, value }]) => [name, graph.input(name, dtypeOf(value), dims)]),
  );
  const trained = Object.keys(check.inputs).filter((name) => check.inputs[name]?.trained);
  const result = check.build(graph, tensors);
  const contraction = graph.input('contraction', 'float64', result.dims);
  const gradients = backward(
    graph,
    result,
    trained.map((name) => tensors[name] as Tensor), // names come from the same record
    { outputGradient: contraction, rules },
  );
  const axes = result.dims.map((_, i) => i);
  graph.output('loss', graph.reduceSum(graph.mul(result, contraction), axes));
  for (const [i, name] of trained.entries()) graph.output(`d ${name}`, gradients[i] as Tensor); // one gradient a name

  const session = await createSession(graph, { float: 'float64', threads: 1 });
  const feeds: Record<string, TensorValue> = Object.fromEntries(
    Object.entries(check.inputs).map(([name, { value }]) => [name, value]),
  );
  feeds['contraction'] = irregular(await shapeOfResult(check));
  try {
    const analytic = await session.run(feeds);
    let worst = 0;
    for (const name of trained) {
      const value = feeds[name]?.data;
      const computed = analytic[`d ${name}`]?.data;
      invariant(value instanceof Float64Array && computed instanceof Float64Array, `${name} is float64`);
      const numeric = await centralDifferences(value, async () => {
        const [loss] = (await session.run(feeds))['loss']?.data ?? [];
        return Number(loss);
      });
      worst = Math.max(worst, relativeError(computed, numeric));
    }
    return worst;
  } finally {
    await session.close();
  }
}

/** Ties the names of the inputs to those the function reads. */
export function gradientCheck<K extends string>(
  inputs: Readonly<Record<K, GradientInput>>,
  build: (graph: GraphBuilder, inputs: Readonly<Record<K, Tensor>>) => Tensor,
): GradientCheck {
  // sound: the checker makes one tensor for each key of `inputs`
  return { inputs, build };
}

/** Central differences of a function of `x`, which is changed in place and restored. */
async function centralDifferences(x: Float64Array, f: () => Promise<number>): Promise<Float64Array> {
  const step = 1e-5; // truncation error about step^2, rounding error about 1e-16 / step: both near 1e-10
  const numeric = new Float64Array(x.length);
  for (const [i, at] of x.entries()) {
    x[i] = at + step;
    const above = await f();
    x[i] = at - step;
    const below = await f();
    x[i] = at;
    numeric[i] = (above - below) / (2 * step);
  }
  return numeric;
}

function relativeError(a: Float64Array, b: Float64Array): number {
  let [difference, scale] = [0, 1e-8];
  for (const [i, x] of a.entries()) {
    const y = b[i] as number; // same length: both are gradients of one tensor
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
    difference = Math.max(difference, Math.abs(x - y));
    scale = Math.max(scale, Math.abs(x), Math.abs(y));
  }
  return difference / scale;
}

async function shapeOfResult(check: GradientCheck): Promise<readonly number[]> {
  const graph = new GraphBuilder('float64');
  const tensors: Record<string, Tensor> = {};
  const feeds: Record<string, TensorValue> = {};
  for (const [name, { dims, value }] of Object.entries(check.inputs)) {
    tensors[name] = graph.input(name, dtypeOf(value), dims);
    feeds[name] = value;
  }
  graph.output('result', check.build(graph, tensors));
  const session = await createSession(graph, { float: 'float64', threads: 1 });
  try {
    return (await session.run(feeds))['result']?.dims ?? [];
  } finally {
    await session.close();
  }
}

function irregular(dims: readonly number[]): TensorValue {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { data: Float64Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + 0.3) + 0.2), dims };
}

function dtypeOf({ data }: TensorValue): 'float64' | 'int64' | 'bool' {
  if (data instanceof Float64Array) return 'float64';
  invariant(!(data instanceof Float32Array), 'gradients are checked in float64');
  return data instanceof BigInt64Array ? 'int64' : 'bool';
}
