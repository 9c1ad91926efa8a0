import type { LoraConfig } from './lora.ts';

/** Why a share of an adapter's update is not defined; undefined where it is: what B A makes of x is then added to the output of a module. */
export function unscalable({
  use_dora: usesDora,
  modules_to_save: saved,
}: {
  readonly [K in 'use_dora' | 'modules_to_save']?: LoraConfig[K] | undefined;
}): string | undefined {
  if (usesDora) return 'DoRA sets the lengths of the rows of a weight, so there is no share of its update';
  if (saved && saved.length > 0)
    return 'modules that are trained whole take the place of weights, so there is no share of them';
  return undefined;
}
