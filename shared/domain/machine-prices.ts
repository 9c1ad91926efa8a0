import { invariant } from '../errors.ts';

/** What an hour of a machine costs, and from where that is known. */
export interface MachinePrice {
  readonly microDollarsPerHour: number;
  /** For people. */
  readonly basis: string;
}

/** When the prices below were looked up; AWS's own price list has the last word. */
export const machinePricesAsOf = '2026-11-25';

/**
 * On-demand list prices of us-east-1 in dollars an hour, from memory and to be checked against AWS's price list: of the smallest machine of
 * each class, which is what Batch starts for a container that asks for no more, and of the dearest family of the class. An interruptible
 * machine costs less, so a dollar limit errs to the safe side. Class by the memory of its GPU, as `infra/instance-families.ts` has them.
 */
const gpuPrices = [
  { gpuMemoryGibibytesMax: 16, machine: 'g4dn.xlarge', dollarsPerHour: 0.526 },
  { gpuMemoryGibibytesMax: 24, machine: 'g5.xlarge', dollarsPerHour: 1.006 },
  { gpuMemoryGibibytesMax: 48, machine: 'g6e.xlarge', dollarsPerHour: 1.861 },
  { gpuMemoryGibibytesMax: 80, machine: 'p5.4xlarge', dollarsPerHour: 6.88 },
] as const;

/** Fargate: 0.04048 for a vCPU and 0.004445 for a GB, an hour each. */
const cpuDollarsPerHour = (vcpus: number, memoryGigabytes: number): number =>
  vcpus * 0.04048 + memoryGigabytes * 0.004445;

/** What the container without a GPU has, as `infra/stacks/jobs-stack.ts` asks for it. */
export const cpuMachine = { vcpus: 4, memoryGigabytes: 16 } as const;

/** A class of machines of AWS, and what an hour of it costs whoever runs the stage. */
export interface PricedClass {
  /** Undefined: it has no GPU. */
  readonly gpuMemoryBytes?: number | undefined;
  /** As the settings of the stage have it; undefined: the list price below. */
  readonly price?: { readonly dollarsPerHour: number; readonly asOf: string } | undefined;
}

/** The price of a class of machines of AWS. */
export function awsPrice({ gpuMemoryBytes, price }: PricedClass): MachinePrice {
  if (price)
    return {
      microDollarsPerHour: inMicroDollars(price.dollarsPerHour),
      basis: `as set for this stage on ${price.asOf}`,
    };
  if (gpuMemoryBytes === undefined) {
    const { vcpus, memoryGigabytes } = cpuMachine;
    return priced(cpuDollarsPerHour(vcpus, memoryGigabytes), `Fargate, ${vcpus} vCPUs and ${memoryGigabytes} GB`);
  }
  const found = gpuPrices.find(({ gpuMemoryGibibytesMax }) => gpuMemoryBytes <= gpuMemoryGibibytesMax * 1024 ** 3);
  invariant(found, 'every class of machines has a price');
  return priced(found.dollarsPerHour, `${found.machine}, on demand`);
}

/** The price of a machine that somebody named, for one that is not rented by the hour. */
export function ownPrice(dollarsPerHour: number): MachinePrice {
  return { microDollarsPerHour: Math.round(dollarsPerHour * 1e6), basis: 'as set for this machine' };
}

const priced = (dollarsPerHour: number, machine: string): MachinePrice => ({
  microDollarsPerHour: inMicroDollars(dollarsPerHour),
  basis: `${machine}, us-east-1, list price as known on ${machinePricesAsOf}`,
});

/** Rounded up, but for what the product owes to floating point. */
const inMicroDollars = (dollars: number): number => Math.ceil(dollars * 1e6 - 1e-6);
