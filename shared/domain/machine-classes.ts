import type { machineClassNames } from '../contract/specs/estimate.ts';
import { awsPrice, cpuMachine, type MachinePrice } from './machine-prices.ts';
import { usualRate, type MachineRate } from './step-cost.ts';

export type MachineClassName = (typeof machineClassNames)[number];

/** Machines of one kind, as far as an estimate asks. */
export interface MachineClass {
  readonly name: MachineClassName;
  /** Of its GPU, else of the container. */
  readonly memoryBytes: number;
  readonly rate: MachineRate;
  /** What the rate rests on. */
  readonly rateBasis: string;
  readonly price: MachinePrice;
}

const gibibyte = 1024 ** 3;

/** What a program can have of one GPU's memory, by the GB that its maker names: less than those, and less still with error correction. */
export const gpuMemoryBytes = {
  16: 14.5 * gibibyte,
  24: 22 * gibibyte,
  48: 44 * gibibyte,
  80: 79 * gibibyte,
} as const;

/** Peak float32 rate and memory bandwidth of the data sheet, from memory, of the slowest GPU of a class that is often had. */
const dataSheets = {
  16: { gpu: 'T4', flopsPerSecond: 8.1e12, bytesPerSecond: 320e9 },
  24: { gpu: 'A10G', flopsPerSecond: 31.2e12, bytesPerSecond: 600e9 },
  48: { gpu: 'L40S', flopsPerSecond: 91.6e12, bytesPerSecond: 864e9 },
  80: { gpu: 'H100', flopsPerSecond: 67e12, bytesPerSecond: 3350e9 },
} as const;

/** What of a data sheet is hoped for. */
const reachedShare = 0.5;

/** Every class, that with the least memory first. */
export const machineClasses: readonly MachineClass[] = [
  gpuClass(16),
  {
    name: 'cpu',
    memoryBytes: cpuMachine.memoryGigabytes * gibibyte,
    rate: usualRate,
    rateBasis: `two cores with two threads each at ${usualRate.flopsPerSecond / 1e9} GFLOP/s`,
    price: awsPrice({}),
  },
  gpuClass(24),
  gpuClass(48),
  gpuClass(80),
];

function gpuClass(gigabytes: keyof typeof gpuMemoryBytes): MachineClass {
  const { gpu, flopsPerSecond, bytesPerSecond } = dataSheets[gigabytes];
  return {
    name: `gpu-${gigabytes}`,
    memoryBytes: gpuMemoryBytes[gigabytes],
    rate: { flopsPerSecond: reachedShare * flopsPerSecond, passBytesPerSecond: reachedShare * bytesPerSecond },
    rateBasis: `half of what the data sheet of the ${gpu} says of float32, not measured`,
    price: awsPrice({ gpuMemoryBytes: gpuMemoryBytes[gigabytes] }),
  };
}
