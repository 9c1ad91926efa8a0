import { adapterFit } from '../../shared/domain/adapter-fit.ts';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import type { LoraAdapter } from '../folders/adapter.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import { loraA, loraB, loraMethod } from './lora.ts';
import { tunedModel, type TunedModel } from './tuned-model.ts';

/** A base with a finished adapter around it. */
export interface AdaptedModel {
  readonly model: TunedModel;
  /** The adapter's weights under the names the graphs ask for. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** `effective modules N of M`. */
  readonly summary: string;
  readonly warnings: readonly Finding[];
}

/** Puts an adapter on a base. Throws `DomainError('adapter-misfit')` with all reasons why any of it would not act as meant. */
export function adaptedModel(base: BaseModelFolder, adapter: LoraAdapter): AdaptedModel {
  const modules = [...adapter.modules.values()];
  const fit = adapterFit(adapter.config, modules, base.tensors.values());
  const warnings = refuseErrors('adapter-misfit', `The adapter does not fit the base in ${base.path}:`, fit.findings);
  const model = tunedModel(base, (tunable) => loraMethod(tunable, modules));
  const parameters = new Map(
    modules.flatMap(({ module, A, B }) => [[loraA(module), A] as const, [loraB(module), B] as const]),
  );
  return { model, parameters, summary: fit.summary, warnings: [...adapter.warnings, ...warnings] };
}
