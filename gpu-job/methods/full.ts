import type { Method, TunableModel } from './method.ts';

/** Full fine-tuning: every tensor of the checkpoint is trained, under its own name. */
export function fullMethod(model: TunableModel): Method {
  const parameters = model.tensors.map(({ name, shape }) => ({ name, shape }));
  const names = new Set(parameters.map(({ name }) => name));
  return {
    parameters,
    usesDropout: false,
    replaceWeight: (context, name) => (names.has(name) ? context.parameter(name) : undefined),
  };
}
