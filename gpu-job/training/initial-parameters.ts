import type { Parameter } from '../methods/method.ts';
import type { CheckpointTensorSpec } from '../nn/decoder.ts';
import { namedStream } from './random.ts';

/**
 * First values of LoRA's parameters: A uniform in (-1/sqrt(in), 1/sqrt(in)), which is PEFT's Kaiming-uniform with a = sqrt(5);
 * B zero, so that training starts at the base. A module's A does not depend on which other modules are tuned.
 */
export function initialLoraParameters(parameters: readonly Parameter[], seed: number): Map<string, Float32Array> {
  return new Map(
    parameters.map(({ name, shape }) => {
      const values = new Float32Array(sizeOf(shape));
      if (!name.endsWith('.lora_A')) return [name, values];
      const bound = 1 / Math.sqrt(shape[1] as number); // A is [r, in]
      const random = namedStream(seed, 'initial', name);
      for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.uniform() - 1);
      return [name, values];
    }),
  );
}

/** First values of a model tensor: normal(0, initializer_range) for matrices and embeddings, 1 for norms (0 where the weight is stored less one), 0 for biases, as transformers. */
export function initialTensor({ name, shape, kind }: CheckpointTensorSpec, range: number, seed: number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  if (kind === 'norm') return values.fill(1);
  if (kind === 'bias' || kind === 'norm-offset') return values;
  const random = namedStream(seed, 'initial', name);
  for (let i = 0; i < values.length; i++) values[i] = range * random.normal();
  return values;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
