import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { CheckpointTensorSpec, LinearModule } from '../nn/decoder.ts';

/** A tensor that is trained. Its values live outside the graph, as float32, and are fed at every run. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a method knows of the model that it tunes. */
export interface TunableModel {
  readonly tensors: readonly CheckpointTensorSpec[];
  readonly linears: readonly LinearModule[];
}

/** What a method adds inside one graph. */
export interface MethodGraph {
  readonly graph: GraphBuilder;
  /** The graph input that carries a parameter. */
  parameter(name: string): Tensor;
  /** int64 scalar that seeds this run's dropout; undefined where nothing is dropped (evaluation). */
  readonly dropoutSeed: Tensor | undefined;
}

/** A way of tuning: which tensors are trained and where they act. The model's own code is not touched. */
export interface Method {
  readonly parameters: readonly Parameter[];
  /** What is added to x @ W^T of a linear module, given the product so far; undefined: nothing, the module is not tuned. */
  extendLinear?(context: MethodGraph, module: string, x: Tensor, product: Tensor): Tensor | undefined;
  /** The trained tensor that stands in for a tensor of the checkpoint; undefined: the frozen one is used. */
  replaceWeight?(context: MethodGraph, name: string): Tensor | undefined;
  /** Whether a training graph draws dropout masks. */
  readonly usesDropout: boolean;
}
