import { limits } from '../../shared/limits.ts';
import { runCommand } from './run-command.ts';

/**
 * How many workers share the steps of a run: as many as it asks for, else one for each GPU of the machine where it runs on `cuda` and lets its
 * gradients meet on the host, else one. Asks `nvidiaSmi`, the driver's own tool; where that says nothing, whoever opens the GPU will say why.
 */
export async function chooseWorkers(
  spec: {
    readonly workers?: number | undefined;
    readonly device?: string | undefined;
    readonly state?: string | undefined;
  },
  nvidiaSmi = 'nvidia-smi',
): Promise<number> {
  const { workers, device, state } = spec;
  if (workers !== undefined) return workers;
  if (device !== 'cuda' || state === 'device') return 1;
  const result = await runCommand(nvidiaSmi, ['--query-gpu=index', '--format=csv,noheader']);
  const count = result.ok ? result.output.split('\n').filter((line) => line.trim() !== '').length : 0;
  return Math.min(Math.max(1, count), limits.stepWorkersMax);
}
