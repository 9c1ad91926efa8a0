import { DomainError } from '../../shared/errors.ts';
import { runCommand } from './run-command.ts';

/** What the driver can be asked of a GPU, in its own words, and in ours. */
const fields = { compute_cap: 'compute capability', 'memory.free': 'free memory' } as const;

/** A positive number that the driver tells of a GPU; memory in MiB. Asks `nvidiaSmi`, its own tool. Throws `DomainError('cuda')` where there is no such GPU. */
export async function askGpu(index: number, field: keyof typeof fields, nvidiaSmi: string): Promise<number> {
  const query = [`--id=${index}`, `--query-gpu=${field}`, '--format=csv,noheader,nounits'];
  const result = await runCommand(nvidiaSmi, query);
  const value = result.ok ? Number(result.output.trim()) : NaN;
  if (value > 0) return value;
  const reason = result.ok ? `${nvidiaSmi} says "${result.output.trim()}" of it` : result.reason;
  throw new DomainError('cuda', `There is no GPU ${index} to ask for its ${fields[field]}: ${reason}. ${cudaHelp}`);
}

/** What to do where a GPU cannot be used. */
export const cudaHelp =
  '"gpu-job/main.ts doctor --device cuda" says what is missing; the GPU image brings the CUDA provider and its libraries, the host the driver. On a machine without a GPU leave the device out, or say cpu.';
