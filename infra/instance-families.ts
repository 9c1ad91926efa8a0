/** Families of machines with NVIDIA GPUs that jobs may run on. */
export const instanceFamilies = ['g4dn', 'g5', 'g6', 'g6e', 'p5'] as const;
export type InstanceFamily = (typeof instanceFamilies)[number];

interface Family {
  /** Of one GPU, as its maker names it. */
  readonly gpuMemoryGigabytes: GpuMemory;
  /** Those with one GPU: Batch counts GPUs, not their memory, and a job has one. */
  readonly sizes: readonly string[];
}

/** Memory of a GPU in GB; each is a class of machines with a queue of its own. */
export type GpuMemory = 16 | 24 | 48 | 80;

const oneGpu = ['xlarge', '2xlarge', '4xlarge', '8xlarge'] as const;

/** From AWS's table of accelerated instances. */
export const families: Readonly<Record<InstanceFamily, Family>> = {
  g4dn: { gpuMemoryGigabytes: 16, sizes: oneGpu }, // T4
  g5: { gpuMemoryGigabytes: 24, sizes: oneGpu }, // A10G
  g6: { gpuMemoryGigabytes: 24, sizes: oneGpu }, // L4
  g6e: { gpuMemoryGigabytes: 48, sizes: oneGpu }, // L40S
  p5: { gpuMemoryGigabytes: 80, sizes: ['4xlarge'] }, // H100
};

export interface GpuClass {
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
    .map(([gpuMemoryGigabytes, instanceTypes]) => ({ gpuMemoryGigabytes, instanceTypes }))
    .toSorted((a, b) => a.gpuMemoryGigabytes - b.gpuMemoryGigabytes);
}
