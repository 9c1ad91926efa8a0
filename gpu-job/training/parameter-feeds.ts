import { invariant } from '../../shared/errors.ts';
import type { Method, Parameter } from '../methods/method.ts';
import type { TunedModel } from '../methods/tuned-model.ts';
import type { TensorValue } from '../runtime/session.ts';

/** Feeds for the trained tensors and the constants of a model's method, if it has one. */
export function parameterFeeds(
  model: TunedModel,
  values: ReadonlyMap<string, Float32Array>,
): Record<string, TensorValue> {
  return Object.fromEntries(
    methodInputs(model.method).map(({ name, shape }) => {
      const data = values.get(name);
      invariant(data, `the parameter ${name} has values`);
      return [name, { data, dims: shape }];
    }),
  );
}

/** Everything that the graphs of a method are fed. */
export function methodInputs(method: Method | undefined): readonly Parameter[] {
  return [...(method?.parameters ?? []), ...(method?.constants ?? [])];
}
