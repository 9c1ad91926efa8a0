import type { BaseModelFolder } from '../folders/base-model.ts';
import { fullMethod } from '../methods/full.ts';
import { tunedModel, type TunedModel } from '../methods/tuned-model.ts';
import { plannedMethod, type LoraPlan } from './plan-lora.ts';

/** What makes the method of a run, plain JSON; undefined: every tensor is trained. */
export type MethodPlan = Omit<LoraPlan, 'findings'> | undefined;

/** A base with the method of a run around it. */
export function plannedModel(base: BaseModelFolder, plan: MethodPlan): TunedModel {
  return tunedModel(base, (known) => (plan ? plannedMethod(known, plan) : fullMethod(known)));
}
