import { totalmem } from 'node:os';
import type { JobMachines } from '../../shared/domain/machine-fit.ts';

/** The machine of the server, which its jobs run on, too: what its container may have, where there is one. */
export function localMachine(): JobMachines {
  const limit = process.constrainedMemory();
  const machine = { name: 'this machine', memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem() };
  return { chosen: machine, all: [machine] };
}
