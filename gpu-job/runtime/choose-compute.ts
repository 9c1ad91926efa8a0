import type { Compute } from '../../shared/methods/compute.ts';
import { DomainError } from '../../shared/errors.ts';
import { askGpu } from './ask-gpu.ts';
import type { Device } from './device.ts';

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
  const capability = await askGpu(device.cuda, 'compute_cap', nvidiaSmi);
  const hasBfloat16 = capability >= bfloat16CapabilityMin;
  if (asked === 'bfloat16' && !hasBfloat16)
    throw new DomainError(
      'cuda',
      `GPU ${device.cuda} has compute capability ${capability} and no products of bfloat16, which begin with ${bfloat16CapabilityMin}.0: take float16 or float32.`,
    );
  return hasBfloat16 ? 'bfloat16' : 'float16';
}
