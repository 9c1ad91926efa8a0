import type { Compute } from '../../shared/methods/compute.ts';
import { GraphBuilder } from '../../gpu-job/graph/builder.ts';
import { createBoundSession, type BoundDevice } from '../../gpu-job/runtime/bound-session.ts';
import { float32Of, lend } from '../../gpu-job/runtime/bound-value.ts';
import type { OrtApi } from '../../gpu-job/runtime/ort-api.ts';
import { createSession, float32Of as resultOf } from '../../gpu-job/runtime/session.ts';
import { invariant } from '../../shared/errors.ts';
import { dtypeOf, type PrimitiveCase } from './primitive-cases.ts';

export interface PrimitivesCheck {
  /** Largest relative error of all, and whose it is. */
  readonly worst: number;
  readonly of: string;
  /** Those above the bound, or refused by the device: with what. */
  readonly failures: readonly string[];
}

/** Holds each primitive on a device, with products of a type, against float32 on the CPU: largest difference by largest value. */
export async function checkPrimitives(
  api: OrtApi,
  device: BoundDevice,
  compute: Compute,
  cases: Readonly<Record<string, PrimitiveCase>>,
): Promise<PrimitivesCheck> {
  let worst = { error: 0, of: '' };
  const failures: string[] = [];
  for (const [name, one] of Object.entries(cases))
    try {
      const error = relativeError(await onCpu(one), onDevice(api, device, compute, one));
      if (!(error <= worst.error)) worst = { error, of: name };
      if (!(error <= errorMax[compute])) failures.push(`${name}: ${error.toPrecision(3)}`);
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  return { worst: worst.error, of: worst.of, failures };
}

/**
 * Sums of float32 in another order differ by some of its last bits; a product of operands that were rounded to 8 or 11 bits by somewhat more
 * than one of those, as errors of many terms cancel in part.
 */
export const errorMax: Readonly<Record<Compute, number>> = { float32: 1e-5, bfloat16: 2e-2, float16: 3e-3 };

async function onCpu(one: PrimitiveCase): Promise<Float32Array> {
  const session = await createSession(graphOf(one), { threads: 1 });
  try {
    return resultOf(await session.run(one.inputs), 'y');
  } finally {
    await session.close();
  }
}

function onDevice(api: OrtApi, device: BoundDevice, compute: Compute, one: PrimitiveCase): Float32Array {
  const session = createBoundSession(api, graphOf(one), { device, compute, hostOutputs: ['y'] });
  const lent = Object.entries(one.inputs).map(([name, input]) => ({ name, value: lend(api, input) }));
  try {
    for (const { name, value } of lent) session.bind(name, value);
    const results = session.run();
    const y = results.get('y');
    invariant(y, 'the case has a result');
    const values = float32Of(api, y);
    y.release();
    return values;
  } finally {
    session.close();
    for (const { value } of lent) value.release();
  }
}

function graphOf({ inputs, build }: PrimitiveCase): GraphBuilder {
  const graph = new GraphBuilder();
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, graph.input(name, dtypeOf(value), value.dims)]),
  );
  graph.output('y', graph.cast(build(graph, tensors), 'float32'));
  return graph;
}

function relativeError(expected: Float32Array, found: Float32Array): number {
  if (expected.length !== found.length) return Infinity;
  let [difference, size] = [0, 0];
  for (const [i, value] of expected.entries()) {
    const off = Math.abs(value - (found[i] ?? NaN));
    difference = off <= difference ? difference : off;
    size = Math.max(size, Math.abs(value));
  }
  return size === 0 ? difference : difference / size;
}
