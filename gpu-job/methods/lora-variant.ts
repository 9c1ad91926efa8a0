import type { BaseModelFolder } from '../folders/base-model.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { LinearModule } from '../nn/decoder.ts';
import type { DerivedValue, MethodGraph, Parameter } from './method.ts';

/** One linear module with a low-rank update: y += scaling * (dropout(x) A^T) B^T, or what a variant makes of it. */
export interface LoraTarget {
  readonly module: string;
  readonly r: number;
  /** lora_alpha / r, or lora_alpha / sqrt(r) for rank-stabilised LoRA. */
  readonly scaling: number;
}

export const loraA = (module: string): string => `${module}.lora_A`;
export const loraB = (module: string): string => `${module}.lora_B`;

/** Name of the first value of a factor, where training goes on with what that left of the base. */
export const initialName = (factor: string): string => `initial ${factor}`;

/** A way of applying A and B to a linear module. */
export interface LoraVariant {
  /** What is trained beside A and B. */
  parameters(linear: LinearModule): readonly Parameter[];
  /** First values of those parameters. */
  initialValues(base: BaseModelFolder, targets: readonly LoraTarget[]): Promise<ReadonlyMap<string, Float32Array>>;
  /** What it needs of A, B and the frozen weight that no token changes; absent: nothing. */
  derived?(target: LoraTarget, linear: LinearModule): readonly DerivedValue[];
  /** The output of the module, [N, out], without its bias. */
  output(context: MethodGraph, parts: ModuleParts): Tensor;
}

/** What the parts of an adapted module make of its input. */
export interface ModuleParts {
  readonly target: LoraTarget;
  /** x W^T. */
  readonly product: Tensor;
  /** scaling * (x' A^T) B^T, x' being x after dropout; less what the first factors make of x, where they were taken from the base. */
  readonly update: Tensor;
  /** x'; undefined where nothing is dropped. */
  readonly dropped: Tensor | undefined;
}
