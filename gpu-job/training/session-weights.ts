import { isPacked } from '../methods/packed-product.ts';
import type { TunedModel } from '../methods/tuned-model.ts';
import type { SessionOptions } from '../runtime/session.ts';
import type { StepMemory } from '../../shared/domain/step-memory.ts';

/** Where the frozen weights of a model lie, and whether they may be copied: of packed ones that would be a copy of the whole model. */
export function sessionWeights(
  { base }: Pick<TunedModel, 'base'>,
  memory: StepMemory,
): Pick<SessionOptions, 'prepack'> & { readonly weightsFolder: string } {
  return { prepack: memory.prepack && !isPacked(base), weightsFolder: base.path };
}
