import { invariant } from '../../shared/errors.ts';
import type { TunedModel } from '../methods/tuned-model.ts';
import type { TensorValue } from '../runtime/session.ts';

/** Feeds for the trained tensors of a model's method, if it has one. */
export function parameterFeeds(
  model: TunedModel,
  values: ReadonlyMap<string, Float32Array>,
): Record<string, TensorValue> {
  return Object.fromEntries(
    (model.method?.parameters ?? []).map(({ name, shape }) => {
      const data = values.get(name);
      invariant(data, `the parameter ${name} has values`);
      return [name, { data, dims: shape }];
    }),
  );
}
