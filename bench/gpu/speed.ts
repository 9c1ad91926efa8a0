/** Tokens a second, memory, and the share of the card's own rate of products, of one shape and size. */
import { GraphBuilder } from '../../gpu-job/graph/builder.ts';
import type { Compute } from '../../shared/methods/compute.ts';
import { productFlops } from '../../gpu-job/graph/flops.ts';
import { createBoundSession, type BoundDevice } from '../../gpu-job/runtime/bound-session.ts';
import { lend } from '../../gpu-job/runtime/bound-value.ts';
import type { OrtApi } from '../../gpu-job/runtime/ort-api.ts';
import { clipScale } from '../../gpu-job/training/optimizers.ts';
import { trainGraph } from '../../gpu-job/training/step-graph.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { median } from '../median.ts';
import { usedMemoryBytes } from './card.ts';
import { openTrainer, type GpuCase } from './gpu-case.ts';
import type { StepSize } from './gpu-shapes.ts';

export interface Speed {
  readonly tokensPerSecond: number;
  readonly stepSeconds: number;
  /** Of the card, beyond what it held before; null where the device has no memory of its own. */
  readonly peakBytes: number | null;
  /** Of `gemmRate`. */
  readonly gemmFraction: number;
  readonly recompute: boolean;
}

/** Weights in their own type where they lie; logits and attention in parts; and, where that does not fit, layers computed again. */
const memories: readonly StepMemory[] = [{ ...stepMemory.lean, recompute: false }, stepMemory.lean];

/** Throws what the runtime says where no way to take the step fits. */
export async function measureSpeed(
  api: OrtApi,
  device: BoundDevice,
  compute: Compute,
  gpuCase: GpuCase,
  size: StepSize,
  given: { readonly gemmFlops: number; readonly steps: { readonly warmUp: number; readonly timed: number } },
): Promise<Speed> {
  let failure: unknown;
  for (const memory of memories)
    try {
      return await timeSteps(api, device, compute, gpuCase, size, memory, given);
    } catch (error) {
      failure = error;
    }
  throw failure;
}

async function timeSteps(
  api: OrtApi,
  device: BoundDevice,
  compute: Compute,
  gpuCase: GpuCase,
  { rows, length }: StepSize,
  memory: StepMemory,
  { gemmFlops, steps }: Parameters<typeof measureSpeed>[5],
): Promise<Speed> {
  const before = await usedMemoryBytes(device);
  const trainer = openTrainer(api, device, gpuCase, { compute, memory });
  try {
    const seconds: number[] = [];
    for (let i = 0; i < steps.warmUp + steps.timed; i++) {
      const started = performance.now();
      const { gradientNorm } = trainer.accumulate([gpuCase.batch], () => i);
      trainer.update(1e-4, clipScale(gradientNorm, 1));
      if (i >= steps.warmUp) seconds.push((performance.now() - started) / 1000);
    }
    // the runtime gives nothing back before a session ends
    const after = await usedMemoryBytes(device);
    const stepSeconds = median(seconds);
    const symbols = { B: rows, H: length / Math.max(2, memory.lossChunks) };
    return {
      tokensPerSecond: (rows * length) / stepSeconds,
      stepSeconds,
      peakBytes: before === null || after === null ? null : after - before,
      gemmFraction: productFlops(trainGraph(gpuCase.model, memory), symbols) / stepSeconds / gemmFlops,
      recompute: memory.recompute,
    };
  } finally {
    trainer.close();
  }
}

/** The device's own rate of products in a type, operations a second: the best of 12 of square matrices. */
export function gemmRate(api: OrtApi, device: BoundDevice, compute: Compute, size: number): number {
  const graph = new GraphBuilder();
  const [a, b] = [graph.input('a', 'float32', [size, size]), graph.input('b', 'float32', [size, size])];
  const times = 8;
  // a chain, so that casts and the sum weigh little; halved, so that nothing grows
  let product = a;
  for (let i = 0; i < times; i++) product = graph.matmul(product, b, { alpha: 2 / size });
  graph.output('sum', graph.reduceSum(product, [0, 1]));
  const session = createBoundSession(api, graph, { device, compute, hostOutputs: ['sum'] });
  const value = lend(api, { data: new Float32Array(size * size).fill(0.5), dims: [size, size] });
  for (const name of ['a', 'b']) session.bind(name, value);
  let best = Infinity;
  for (let i = 0; i < 12; i++) {
    const started = performance.now();
    for (const result of session.run().values()) result.release();
    best = Math.min(best, (performance.now() - started) / 1000);
  }
  session.close();
  value.release();
  return (2 * size ** 3 * times) / best;
}
