import { writeRandomAdapter } from './random-adapter.ts';

const layers = 6;
const hidden = 192;

/** An adapter for `examples/tiny-base` with random weights on the attention's queries and outputs. */
export function writeTinyAdapter(folder: string, options: { readonly seed: number }): Promise<void> {
  const modules = Object.fromEntries(
    Array.from({ length: layers }, (_, layer) => `model.layers.${layer}.self_attn`).flatMap((attention) => [
      [`${attention}.q_proj`, [hidden, hidden] as const],
      [`${attention}.o_proj`, [hidden, hidden] as const],
    ]),
  );
  return writeRandomAdapter(folder, modules, { target_modules: ['q_proj', 'o_proj'] }, { ...options, spread: 0.02 });
}
