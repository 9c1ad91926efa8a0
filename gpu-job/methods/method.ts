import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { OutputHead } from '../nn/output-head.ts';
import type { CheckpointTensorSpec, LinearModule } from '../nn/decoder.ts';

/** A tensor that is trained. Its values live outside the graph, as float32, and are fed at every run. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** The group that LoRA+ trains at a rate of its own; absent: the rate of the schedule. */
  readonly group?: RateGroup;
  /** Whether weight decay acts on it; absent: it does on all but vectors. */
  readonly decays?: boolean;
}

/** `B`: the factors of LoRA that begin at zero, and vectors. `embedding`: both factors of an embedding. As PEFT's `create_loraplus_optimizer`. */
export type RateGroup = 'B' | 'embedding';

/** What a method knows of the model that it tunes. */
export interface TunableModel {
  readonly tensors: readonly CheckpointTensorSpec[];
  readonly linears: readonly LinearModule[];
  /** Both with a weight [tokens, hidden size], though it be one tensor. */
  readonly embeddings: { readonly input: LinearModule; readonly output: LinearModule };
}

/** What a method adds inside one graph. */
export interface MethodGraph {
  readonly graph: GraphBuilder;
  /** The graph input that carries a parameter or a constant. */
  parameter(name: string): Tensor;
  /** Its value, through which no gradient flows. */
  held(name: string): Tensor;
  /** A frozen tensor of the checkpoint, in the graph's float type. */
  weight(name: string): Tensor;
  /** One of the method's derived values, where the graph is fed it; undefined: the graph computes it. */
  fed(name: string): Tensor | undefined;
  /** x @ W^T of a linear module with its frozen weight. */
  product(module: string, x: Tensor): Tensor;
  /** int64 [B, T], whose row each token is; undefined where rows are nobody's. */
  readonly tasks: Tensor | undefined;
  /** int64 scalar that seeds this run's dropout; undefined where nothing is dropped (evaluation). */
  readonly dropoutSeed: Tensor | undefined;
}

/** A value that follows from frozen weights and parameters alone, so it is the same for every token. */
export interface DerivedValue {
  readonly name: string;
  readonly shape: readonly number[];
  /** Writes its computation into a graph. */
  of(context: MethodGraph): Tensor;
}

/** A linear module of the model and what its frozen weight makes of its input. */
export interface LinearProduct {
  readonly module: string;
  readonly product: Tensor;
}

/** A way of tuning: which tensors are trained and where they act. The model's own code is not touched. */
export interface Method {
  readonly parameters: readonly Parameter[];
  /** Values that are fed as parameters are, and stay as they were at first. */
  readonly constants?: readonly Parameter[];
  /** What `MethodGraph.fed` may give. A training step computes it, since its parameters change; generation is fed it, computed once for a text. */
  readonly derived?: readonly DerivedValue[];
  /** The outputs of linear modules that read the same x, given x @ W^T of each; the product itself where a module is not tuned. */
  extendLinears?(context: MethodGraph, x: Tensor, linears: readonly LinearProduct[]): readonly Tensor[];
  /** Embedded tokens [N, H], given those of the input embedding. */
  extendEmbedding?(context: MethodGraph, ids: Tensor, embedded: Tensor): Tensor;
  /** What an update of the output embedding makes of final hidden states: [N, r], and what it adds to logits of that. */
  extendHead?(
    context: MethodGraph,
    hidden: Tensor,
  ): { readonly low: Tensor; readonly update: NonNullable<OutputHead['update']> } | undefined;
  /** Whether input and output embedding part where they shared a tensor: each is then trained or frozen by itself. */
  readonly unties?: boolean;
  /** The trained tensor that stands in for a tensor of the checkpoint; undefined: the frozen one is used. */
  replaceWeight?(context: MethodGraph, name: string): Tensor | undefined;
  /** Whether graphs are fed whose row each token is: rows of several tasks go through the model together. */
  readonly sharesRows?: boolean;
  /** Whether a training graph draws dropout masks. */
  readonly usesDropout: boolean;
}
