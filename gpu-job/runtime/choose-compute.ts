import type { Compute } from '../../shared/methods/compute.ts';
import { DomainError } from '../../shared/errors.ts';
import type { Device } from './device.ts';
import { runCommand } from './run-command.ts';

/** Ampere: the first with products of bfloat16. */
const bfloat16CapabilityMin = 8;

/**
 * The type in which a device multiplies: float32 on the processor, bfloat16 on a GPU that has it, else float16. Asks `nvidiaSmi`, the
 * driver's own tool. Throws `DomainError('cuda')` where there is no such GPU, or where it cannot do what was `asked`.
 */
export async function chooseCompute(
  asked: Compute | 'auto',
  device: Device,
  nvidiaSmi = 'nvidia-smi',
): Promise<Compute> {
  if (device === 'cpu') return asked === 'auto' ? 'float32' : asked;
  if (asked === 'float32' || asked === 'float16') return asked;
  const query = [`--id=${device.cuda}`, '--query-gpu=compute_cap', '--format=csv,noheader,nounits'];
  const result = await runCommand(nvidiaSmi, query);
  const capability = result.ok ? Number(result.output.trim()) : NaN;
  if (!(capability > 0)) {
    const reason = result.ok ? `${nvidiaSmi} says "${result.output.trim()}" of it` : result.reason;
    throw new DomainError(
      'cuda',
      `There is no GPU ${device.cuda} to ask for its compute capability: ${reason}. ${cudaHelp}`,
    );
  }
  const hasBfloat16 = capability >= bfloat16CapabilityMin;
  if (asked === 'bfloat16' && !hasBfloat16)
    throw new DomainError(
      'cuda',
      `GPU ${device.cuda} has compute capability ${capability} and no products of bfloat16, which begin with ${bfloat16CapabilityMin}.0: take float16 or float32.`,
    );
  return hasBfloat16 ? 'bfloat16' : 'float16';
}

/** What to do where a GPU cannot be used. */
export const cudaHelp =
  '"gpu-job/main.ts doctor --device cuda" says what is missing; the GPU image brings the CUDA provider and its libraries, the host the driver. On a machine without a GPU leave the device out, or say cpu.';
