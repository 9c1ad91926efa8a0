import type { Compute } from '../../shared/methods/compute.ts';

/** What the CUDA provider is told of a run, by its own names. `memoryMaxBytes`: the most that the arena of a session grows to. */
export function cudaSettings(
  { memoryMaxBytes }: { readonly memoryMaxBytes?: number | undefined },
  compute: Compute = 'float32',
): Readonly<Record<string, string>> {
  return {
    // by what is asked for: an arena that doubles outgrows what the step was planned to fit
    arena_extend_strategy: 'kSameAsRequested',
    ...(memoryMaxBytes === undefined ? {} : { gpu_mem_limit: String(memoryMaxBytes) }),
    // its products round operands to 10 bits
    ...(compute === 'float32' ? { use_tf32: '0' } : {}),
  };
}
