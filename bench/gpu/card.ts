/** What the driver says of the first card. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BoundDevice } from '../../gpu-job/runtime/bound-session.ts';
import { UnavailableError } from '../../shared/errors.ts';

export interface Card {
  readonly name: string;
  readonly driver: string;
  readonly memoryBytes: number;
  readonly computeCapability: number;
}

/** Throws `UnavailableError` where there is none. */
export async function readCard(index: number): Promise<Card> {
  const [name = '', driver = '', megabytes, capability] = await query(
    index,
    'name,driver_version,memory.total,compute_cap',
  );
  return { name, driver, memoryBytes: Number(megabytes) * 2 ** 20, computeCapability: Number(capability) };
}

/** Memory in use, of whatever process: the card should have nothing else to do. Null for the CPU. */
export async function usedMemoryBytes(device: BoundDevice): Promise<number | null> {
  if (device.kind === 'cpu') return null;
  const [megabytes] = await query(device.index, 'memory.used');
  return Number(megabytes) * 2 ** 20;
}

async function query(index: number, fields: string): Promise<readonly string[]> {
  const args = [`--id=${index}`, `--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
  const { stdout } = await promisify(execFile)('nvidia-smi', args).catch((error: unknown) => {
    throw new UnavailableError(
      `There is no card here (nvidia-smi: ${String(error)}); --dry runs all of it on the CPU.`,
    );
  });
  return stdout
    .trim()
    .split(',')
    .map((field) => field.trim());
}
