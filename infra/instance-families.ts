/** Families of machines with NVIDIA GPUs that jobs may run on. */
export const instanceFamilies = ['g4dn', 'g5', 'g6', 'g6e', 'p5'] as const;
export type InstanceFamily = (typeof instanceFamilies)[number];

/** Memory of a GPU in GB, as its maker names it; each is a class of machines with a queue of its own. */
export type GpuMemory = 16 | 24 | 48 | 80;

interface Family {
  readonly gpuMemoryGigabytes: GpuMemory;
  /** Those with one GPU: Batch counts GPUs, not their memory, and a job has one. */
  readonly sizes: readonly string[];
}

const oneGpu = ['xlarge', '2xlarge', '4xlarge', '8xlarge'] as const;

/** From AWS's table of accelerated instances. */
const families: Readonly<Record<InstanceFamily, Family>> = {
  g4dn: { gpuMemoryGigabytes: 16, sizes: oneGpu }, // T4
  g5: { gpuMemoryGigabytes: 24, sizes: oneGpu }, // A10G
  g6: { gpuMemoryGigabytes: 24, sizes: oneGpu }, // L4
  g6e: { gpuMemoryGigabytes: 48, sizes: oneGpu }, // L40S
  p5: { gpuMemoryGigabytes: 80, sizes: ['4xlarge'] }, // H100
};

interface Room {
  /** What a program can have of one GPU's memory: less than the name says, and less still with error correction. */
  readonly gpuMemoryBytes: number;
  /** Of the smallest machine of the class, without what ECS needs for itself. */
  readonly vcpus: number;
  readonly memoryMebibytes: number;
  /** Disk for image, base, checkpoints and what is made: the base of a model that the GPU holds, a few times. */
  readonly diskGigabytes: number;
}

const gibibyte = 1024 ** 3;

const rooms: Readonly<Record<GpuMemory, Room>> = {
  16: { gpuMemoryBytes: 14.5 * gibibyte, vcpus: 4, memoryMebibytes: 14_500, diskGigabytes: 150 },
  24: { gpuMemoryBytes: 22 * gibibyte, vcpus: 4, memoryMebibytes: 14_500, diskGigabytes: 200 },
  48: { gpuMemoryBytes: 44 * gibibyte, vcpus: 4, memoryMebibytes: 29_500, diskGigabytes: 300 },
  80: { gpuMemoryBytes: 79 * gibibyte, vcpus: 16, memoryMebibytes: 240_000, diskGigabytes: 500 },
};

export interface GpuClass extends Room {
  readonly gpuMemoryGigabytes: GpuMemory;
  /** E.g. `g5.xlarge`. */
  readonly instanceTypes: readonly string[];
}

/** The classes that these families make up, smallest first. */
export function gpuClasses(listed: readonly InstanceFamily[]): readonly GpuClass[] {
  const classes = new Map<GpuMemory, string[]>();
  for (const family of new Set(listed)) {
    const { gpuMemoryGigabytes, sizes } = families[family];
    const types = classes.get(gpuMemoryGigabytes) ?? [];
    classes.set(gpuMemoryGigabytes, [...types, ...sizes.map((size) => `${family}.${size}`)]);
  }
  return [...classes]
    .map(([gpuMemoryGigabytes, instanceTypes]) => ({ gpuMemoryGigabytes, instanceTypes, ...rooms[gpuMemoryGigabytes] }))
    .toSorted((a, b) => a.gpuMemoryGigabytes - b.gpuMemoryGigabytes);
}
