import type { LoraConfig } from '../../shared/methods/lora.ts';
import { dora } from './dora.ts';
import type { LoraVariant } from './lora-variant.ts';

/** LoRA itself: the update is added to what the frozen weight makes of x. */
export const plainLora: LoraVariant = {
  parameters: () => [],
  initialValues: () => Promise.resolve(new Map()),
  output: ({ graph }, { product, update }) => graph.add(product, update),
};

/** The variant that a config asks for. */
export function loraVariant({ use_dora: usesDora }: Pick<LoraConfig, 'use_dora'>): LoraVariant {
  return usesDora ? dora : plainLora;
}
