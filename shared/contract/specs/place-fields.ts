import { z } from 'zod';
import { limits } from '../../limits.ts';

/** Where what a run trains stands between steps. */
export const stateField = z
  .enum(['host', 'device'])
  .optional()
  .describe(
    'Where parameters, moments and gradients stand between steps. `host` (default), or `device`: they stay where the step is computed, tokens go up and losses come down, and AdamW is float32, not float64. For one worker; needs `koffi`, an optional dependency.',
  );

/** Whether it comes to the same bits each time on a GPU. */
export const deterministicField = z
  .boolean()
  .optional()
  .describe(
    'Whether the runtime takes the kernels that repeat themselves to the bit where a GPU has others, too, which may be slower. Needs `state` `device`; the processor repeats itself anyway.',
  );

/** How many sessions share its steps. */
export const workersField = z
  .int()
  .min(1)
  .max(limits.stepWorkersMax)
  .optional()
  .describe(
    'Sessions that share the micro-batches of each step, one for each GPU; the result is the same to the bit. They share `threads`, and each takes memory of its own. Absent: with `device` `cuda` one for each GPU of the machine, else one.',
  );
