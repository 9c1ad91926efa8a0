import type { z } from 'zod';
import type { machineFitSchema } from '../contract/jobs.ts';
import type { Finding } from '../errors.ts';
import { cpuMachine } from './machine-prices.ts';
import { fitsInto } from './plan-step.ts';

/** Machines that a job may get, as far as its memory asks. */
export interface JobMachine {
  /** Of the class, for people. */
  readonly name: string;
  /** Of its GPU where it has one. */
  readonly memoryBytes: number;
}

/** Those that a job may get: the one that it does, and every one that it would get if it needed more or less. */
export interface JobMachines {
  readonly chosen: JobMachine;
  readonly all: readonly JobMachine[];
}

/** A class of machines of AWS; one with a GPU is named for its memory. */
interface QueueClass {
  readonly gpuMemoryBytes?: number | undefined;
}

/** The machines of AWS that go with the class that a job gets. */
export function machinesOfClasses(classes: readonly QueueClass[], chosen: QueueClass): JobMachines {
  const alike = classes.filter((one) => (one.gpuMemoryBytes === undefined) === (chosen.gpuMemoryBytes === undefined));
  return { chosen: machineOf(chosen), all: alike.map(machineOf) };
}

function machineOf({ gpuMemoryBytes }: QueueClass): JobMachine {
  if (gpuMemoryBytes !== undefined)
    return { name: `GPU with ${gigabytes(gpuMemoryBytes)}`, memoryBytes: gpuMemoryBytes };
  const { vcpus, memoryGigabytes } = cpuMachine;
  return { name: `${vcpus} vCPUs and ${memoryGigabytes} GB`, memoryBytes: memoryGigabytes * 1024 ** 3 };
}

export type MachineFit = z.output<typeof machineFitSchema>;

/** How the memory of a job compares with that of the machine it gets; `leastBytes` is what the most frugal way takes. */
export function machineFit({ chosen, all }: JobMachines, leastBytes: number): MachineFit {
  const smallest = all
    .filter(({ memoryBytes }) => fitsInto(leastBytes, memoryBytes))
    .toSorted((a, b) => a.memoryBytes - b.memoryBytes)[0];
  return {
    name: chosen.name,
    memoryBytes: Math.round(chosen.memoryBytes),
    leastBytes,
    fits: fitsInto(leastBytes, chosen.memoryBytes),
    smallestThatFits: smallest?.name ?? null,
  };
}

/** What there is to say of a job that does not fit: an estimate is no reason to refuse. */
export function fitFindings({ name, memoryBytes, leastBytes, fits, smallestThatFits }: MachineFit): readonly Finding[] {
  if (fits) return [];
  const where =
    smallestThatFits === null ? 'It fits no machine there is' : `The smallest that it fits is ${smallestThatFits}`;
  const message = `takes ${gigabytes(leastBytes)} at least, and the machine that it gets (${name}) has ${gigabytes(memoryBytes)}. ${where}`;
  return [{ severity: 'warning', code: 'memory', where: 'memory', message }];
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
