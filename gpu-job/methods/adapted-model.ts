import { adapterFit } from '../../shared/domain/adapter-fit.ts';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import type { LoraAdapter } from '../folders/adapter.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import { doraMagnitude } from './dora.ts';
import { loraA, loraB } from './lora-variant.ts';
import { loraVariant } from './lora-variants.ts';
import { loraMethod } from './lora.ts';
import type { Method, TunableModel } from './method.ts';
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
  const fit = adapterFit(adapter.config, adapter.modules.values(), base.tensors.values(), copiesOf(adapter));
  const warnings = refuseErrors('adapter-misfit', `The adapter does not fit the base in ${base.path}:`, fit.findings);
  const model = tunedModel(base, (tunable) => adapterMethod(tunable, adapter));
  const parameters = adapterParameters(adapter);
  return { model, parameters, summary: fit.summary, warnings: [...adapter.warnings, ...warnings] };
}

/** What a finished adapter does to a model. */
export function adapterMethod(model: TunableModel, adapter: LoraAdapter): Method {
  const { config, modules } = adapter;
  return loraMethod(model, [...modules.values()], { variant: loraVariant(config), saved: copiesOf(adapter) });
}

/** Names and shapes of the tensors that an adapter holds whole. */
export function copiesOf({ copies }: LoraAdapter): { readonly name: string; readonly shape: readonly number[] }[] {
  return [...copies].map(([name, { shape }]) => ({ name, shape }));
}

/** The values of an adapter under the names that its method asks for. */
export function adapterParameters({ modules, copies }: LoraAdapter): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const { module, A, B, magnitude } of modules.values()) {
    parameters.set(loraA(module), A);
    parameters.set(loraB(module), B);
    if (magnitude) parameters.set(doraMagnitude(module), magnitude);
  }
  for (const [name, { values }] of copies) parameters.set(name, values);
  return parameters;
}
