import type { LoraModule } from '../folders/adapter.ts';
import type { InitialFactors } from './initialisation.ts';

/** A module that fits the whole base, of one that fits what its first factors left of it: A' = [A; A0], B' = [B, -B0], the same scaling. */
export function convertedModule(module: LoraModule, initial: InitialFactors): LoraModule {
  const { r, inFeatures, outFeatures } = module;
  const A = new Float32Array(2 * r * inFeatures);
  A.set(module.A);
  A.set(initial.A, r * inFeatures);
  const B = new Float32Array(outFeatures * 2 * r);
  for (let row = 0; row < outFeatures; row++)
    for (let k = 0; k < r; k++) {
      B[row * 2 * r + k] = module.B[row * r + k] as number;
      B[row * 2 * r + r + k] = -(initial.B[row * r + k] as number);
    }
  return { ...module, r: 2 * r, A, B };
}
