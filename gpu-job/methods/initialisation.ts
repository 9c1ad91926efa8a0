import type { BaseModelFolder } from '../folders/base-model.ts';
import type { LinearModule } from '../nn/decoder.ts';
import type { LoraTarget } from './lora-variant.ts';

/** First factors of a module: A [r, in], B [out, r]. */
export interface InitialFactors {
  readonly A: Float32Array;
  readonly B: Float32Array;
}

/** What A and B begin with. */
export interface LoraInitialisation {
  /** Whether training takes scaling * B0 A0 from the weights of the base, so that the model begins as the base all the same. */
  readonly takesFromBase: boolean;
  factors(from: {
    readonly base: BaseModelFolder;
    readonly target: LoraTarget;
    readonly linear: LinearModule;
    readonly seed: number;
  }): Promise<InitialFactors>;
}
