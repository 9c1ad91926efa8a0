import { join } from 'node:path';
import type { Compute } from '../../shared/methods/compute.ts';
import type { BoundDevice } from '../../gpu-job/runtime/bound-session.ts';
import { installedRuntime } from '../../gpu-job/runtime/installed-runtime.ts';
import { openOrtApi } from '../../gpu-job/runtime/ort-api.ts';
import { readCard, type Card } from './card.ts';
import { openCase } from './gpu-case.ts';
import { gpuShapes, gpuSizes, sizeName, toyShapes, toySizes } from './gpu-shapes.ts';
import { curveDifference, lossesOnCpu, lossesOnDevice } from './loss-curve.ts';
import { measurePeer, type Peer } from './peer.ts';
import { primitiveCases, type PrimitiveCase } from './primitive-cases.ts';
import { checkPrimitives, type PrimitivesCheck } from './primitives.ts';
import { gemmRate, measureSpeed, type Speed } from './speed.ts';
import { smolLm135Config, tinyLlamaConfig } from '../../test/support/random-base.ts';

export interface GpuBenchOptions {
  /** On the CPU, at toy shapes: shows that all of it runs, and no figure means anything. */
  readonly dry: boolean;
  /** Where bases with random weights are kept. */
  readonly folder: string;
  /** Whether torch and PEFT are asked, too. */
  readonly peer: boolean;
  /** Default: every primitive. */
  readonly cases?: Readonly<Record<string, PrimitiveCase>>;
}

export interface GpuBench {
  readonly bench: 'gpu';
  readonly dry: boolean;
  readonly date: string;
  readonly card: Card;
  readonly runtime: string;
  readonly compute: Compute;
  readonly primitives: Readonly<Partial<Record<Compute, PrimitivesCheck>>>;
  /** Largest relative difference of the losses of the steps from those on the CPU. */
  readonly curve: { readonly steps: number; readonly differences: Readonly<Partial<Record<Compute, number>>> };
  readonly gemmFlops: number;
  /** By shape and size; a text where the step does not fit or run. */
  readonly speeds: Readonly<Record<string, Speed | string>>;
  readonly peers: Readonly<Record<string, Peer | string>>;
}

const dryCard: Card = { name: 'none: a dry run on the CPU', driver: '', memoryBytes: 0, computeCapability: 8 };
/** Ampere: the first with products in bfloat16. */
const bfloat16CapabilityMin = 8;

/** Checks and times everything on the first card, in one call. Throws `UnavailableError` where there is none and it is not dry. */
export async function benchGpu(options: GpuBenchOptions): Promise<GpuBench> {
  const { dry, folder, cases = primitiveCases } = options;
  // the rounding of TF32 would hide what is wrong
  const device: BoundDevice = dry ? { kind: 'cpu' } : { kind: 'cuda', index: 0, settings: { use_tf32: '0' } };
  const card = dry ? dryCard : await readCard(0);
  const api = openOrtApi();
  const hasBfloat16 = card.computeCapability >= bfloat16CapabilityMin;
  const compute = hasBfloat16 ? 'bfloat16' : 'float16';
  const computes: readonly Compute[] = hasBfloat16 ? ['float32', 'float16', 'bfloat16'] : ['float32', 'float16'];
  try {
    const primitives: Partial<Record<Compute, PrimitivesCheck>> = {};
    for (const one of computes) primitives[one] = await checkPrimitives(api, device, one, cases);

    const steps = dry ? 4 : 30;
    const curveConfig = dry ? tinyLlamaConfig : smolLm135Config;
    const curveCase = await openCase(join(folder, dry ? 'toy' : '135M'), curveConfig, {
      rows: 1,
      length: dry ? 32 : 128,
    });
    const expected = await lossesOnCpu(curveCase, steps);
    const differences: Partial<Record<Compute, number>> = {};
    for (const one of ['float32', compute] as const)
      differences[one] = curveDifference(expected, lossesOnDevice(api, device, one, curveCase, steps));

    const gemmFlops = gemmRate(api, device, compute, dry ? 64 : 8192);
    const speeds: Record<string, Speed | string> = {};
    const peers: Record<string, Peer | string> = {};
    const times = dry ? { warmUp: 1, timed: 2 } : { warmUp: 3, timed: 10 };
    for (const [shape, config] of Object.entries(dry ? toyShapes : gpuShapes))
      for (const size of dry ? toySizes : gpuSizes) {
        const name = `${shape} ${sizeName(size)}`;
        const gpuCase = await openCase(join(folder, shape), config, size);
        speeds[name] = await measureSpeed(api, device, compute, gpuCase, size, { gemmFlops, steps: times }).catch(
          String,
        );
        if (options.peer) peers[name] = await measurePeer(join(folder, shape), size, times);
      }
    const date = new Date().toISOString().slice(0, 10);
    const { version: runtime } = installedRuntime();
    const curve = { steps, differences };
    return { bench: 'gpu', dry, date, card, runtime, compute, primitives, curve, gemmFlops, speeds, peers };
  } finally {
    api.close();
  }
}

/** Whether what was checked holds: primitives within their bounds, and the curve in float32 that of the CPU. */
export function isSound({ primitives, curve }: GpuBench): boolean {
  const failed = Object.values(primitives).some(({ failures }) => failures.length > 0);
  return !failed && (curve.differences.float32 ?? Infinity) < curveDifferenceMax;
}

/** AdamW amplifies the last bits of small gradients from step to step. */
const curveDifferenceMax = 1e-3;
