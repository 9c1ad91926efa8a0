import { z } from 'zod';
import { limits } from '../../limits.ts';

/** Where what a run trains stands between steps. */
export const stateField = z
  .enum(['host', 'device'])
  .optional()
  .describe(
    'Where parameters, moments and gradients stand between steps. `host` (default), or `device`: they stay where the step is computed, tokens go up and losses come down, and AdamW is float32, not float64. For one worker; needs `koffi`, an optional dependency.',
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
