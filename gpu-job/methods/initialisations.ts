import { invariant } from '../../shared/errors.ts';
import type { LoraConfig } from '../../shared/methods/lora.ts';
import { initialLoraParameters } from '../training/initial-parameters.ts';
import { namedStream } from '../training/random.ts';
import type { LoraInitialisation } from './initialisation.ts';
import { loraA, loraB } from './lora-variant.ts';
import { olora } from './olora.ts';
import { pissa } from './pissa.ts';

/** The initialisation that `init_lora_weights` of a config names, in PEFT's words. */
export function loraInitialisation(name: LoraConfig['init_lora_weights']): LoraInitialisation {
  if (name === true) return uniform;
  if (name === 'gaussian') return gaussian;
  if (name === 'olora') return olora;
  const iterations = /^pissa(?:_niter_(\d+))?$/.exec(String(name));
  invariant(
    iterations,
    `the schema of a run lets no other initialisation through than those that are known, so not ${name}`,
  );
  return pissa(iterations[1] === undefined ? undefined : Number(iterations[1]));
}

/** As in PEFT by default: A uniform, B zero. */
const uniform: LoraInitialisation = {
  takesFromBase: false,
  factors({ target: { module, r }, linear, seed }) {
    const [A, B] = [
      { name: loraA(module), shape: [r, linear.inFeatures] },
      { name: loraB(module), shape: [linear.outFeatures, r] },
    ];
    const values = initialLoraParameters([A, B], seed);
    return Promise.resolve({ A: valuesOf(values, A.name), B: valuesOf(values, B.name) });
  },
};

/** A normal with the standard deviation 1/r, B zero. */
const gaussian: LoraInitialisation = {
  takesFromBase: false,
  factors({ target: { module, r }, linear, seed }) {
    const random = namedStream(seed, 'initial', loraA(module));
    const A = Float32Array.from({ length: r * linear.inFeatures }, () => random.normal() / r);
    return Promise.resolve({ A, B: new Float32Array(linear.outFeatures * r) });
  },
};

/** Of an embedding, whatever is asked for: A normal, B zero. PEFT stores them transposed, as its `lora_embedding_B` and `lora_embedding_A`. */
export const embedding: LoraInitialisation = {
  takesFromBase: false,
  factors({ target: { module, r }, linear, seed }) {
    const random = namedStream(seed, 'initial', loraA(module));
    const A = Float32Array.from({ length: r * linear.inFeatures }, () => random.normal());
    return Promise.resolve({ A, B: new Float32Array(linear.outFeatures * r) });
  },
};

function valuesOf(values: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const own = values.get(name);
  invariant(own, `${name} was asked for`);
  return own;
}
