import { invariant } from '../../shared/errors.ts';
import type { Parameter, RateGroup } from '../methods/method.ts';

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled: each step takes learning rate * decay of the weight itself. Not applied to vectors (norms, biases), unless they say so. */
  readonly weightDecay: number;
  /** What the learning rate is multiplied by for the parameters of a group; 1 for all others. */
  readonly rateFactors?: RateFactors;
}

export type RateFactors = Readonly<Partial<Record<RateGroup, number>>>;

/** AdamW and its state: two running moments for each parameter and the number of updates. */
export interface AdamW {
  /** Updates so far. */
  readonly updates: number;
  /** Running means of gradients and of their squares, by parameter. Live: the next update changes them. */
  readonly moments: ReadonlyMap<string, { readonly first: Float32Array; readonly second: Float32Array }>;
  /** Changes the parameters in place. Gradients are multiplied by `gradientScale` first, which is how they are clipped. */
  update(
    parameters: ReadonlyMap<string, Float32Array>,
    gradients: ReadonlyMap<string, Float32Array>,
    learningRate: number,
    gradientScale?: number,
  ): void;
  /** Continues from saved state. */
  restore(updates: number, moments: AdamW['moments']): void;
}

/**
 * AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101) with PyTorch's order of operations, in double precision, stored as float32:
 *   p <- p (1 - lr wd);  m <- m + (1 - b1)(g - m);  v <- b2 v + (1 - b2) g^2
 *   p <- p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 */
export function createAdamW(parameters: readonly Parameter[], options: AdamWOptions): AdamW {
  const moments = new Map(
    parameters.map(({ name, shape }) => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      return [name, { first: new Float32Array(count), second: new Float32Array(count) }];
    }),
  );
  const { rateFactors = {}, weightDecay } = options;
  let updates = 0;
  return {
    get updates() {
      return updates;
    },
    moments,
    update(values, gradients, learningRate, gradientScale = 1) {
      updates++;
      for (const { name, shape, group, decays = shape.length > 1 } of parameters) {
        const [value, gradient, moment] = [values.get(name), gradients.get(name), moments.get(name)];
        invariant(value && gradient && moment, `${name} has a value and a gradient`);
        const rate = learningRate * ((group && rateFactors[group]) ?? 1);
        const decay = 1 - rate * (decays ? weightDecay : 0);
        updateTensor(value, gradient, moment, { ...options, updates, learningRate: rate, gradientScale, decay });
      }
    },
    restore(count, saved) {
      updates = count;
      for (const [name, moment] of moments) {
        const from = saved.get(name);
        invariant(from, `the saved state holds ${name}`);
        moment.first.set(from.first);
        moment.second.set(from.second);
      }
    },
  };
}

interface TensorUpdate extends AdamWOptions {
  readonly updates: number;
  readonly learningRate: number;
  readonly gradientScale: number;
  readonly decay: number;
}

function updateTensor(
  value: Float32Array,
  gradient: Float32Array,
  { first, second }: { first: Float32Array; second: Float32Array },
  { beta1, beta2, epsilon, updates, learningRate, gradientScale, decay }: TensorUpdate,
): void {
  // numerator and denominator of the step are both multiplied by sqrt(1 - b2^t): one division for each weight instead of two
  const rootCorrection = Math.sqrt(1 - beta2 ** updates);
  const stepSize = (learningRate / (1 - beta1 ** updates)) * rootCorrection;
  const smallest = epsilon * rootCorrection;
  for (let i = 0; i < value.length; i++) {
    const g = (gradient[i] as number) * gradientScale;
    const before = first[i] as number;
    const m = before + (1 - beta1) * (g - before);
    const v = beta2 * (second[i] as number) + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    value[i] = (value[i] as number) * decay - (stepSize * m) / (Math.sqrt(v) + smallest);
  }
}

/** Root of the sum of all squared gradients; NaN or infinite when any gradient is. */
export function globalNorm(gradients: ReadonlyMap<string, Float32Array>): number {
  let sum = 0;
  for (const values of gradients.values()) for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum);
}

/** What gradients of this norm are multiplied by so that it does not exceed `clipNorm`; 0 means no clipping. As torch's `clip_grad_norm_`. */
export function clipScale(norm: number, clipNorm: number): number {
  return clipNorm === 0 ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
}
