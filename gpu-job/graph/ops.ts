import type { Packing } from '../../shared/formats/packing.ts';
import type { Dim, Dims } from './dims.ts';
import type { DType } from './dtype.ts';

type None = Readonly<Record<string, never>>;

/**
 * The closed set of primitives and the attributes of each. Everything the engine computes is written in these, so the
 * shape rules, the gradients and the ONNX spellings are three tables over this one type: a missing entry does not compile.
 */
export interface Attributes {
  // elementwise with broadcasting
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  /** inputs: condition bool, a, b. */
  Where: None;
  // elementwise
  Exp: None;
  Sqrt: None;
  Sigmoid: None;
  /** x * sigmoid(x). */
  Silu: None;
  /** GELU by its tanh approximation (Hendrycks and Gimpel 2016): x * sigmoid(slope * (x + cubic * x^3)), see `geluTanh`. */
  GeluTanh: None;
  /** Keeps the value, changes the element type. */
  Cast: { readonly to: DType };

  // products and reductions
  /** alpha * op(a) @ op(b) over the last two dimensions; the leading ones broadcast. */
  MatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  /** inputs: a and b [..., K]. output [..., 1]: each row of a times its row of b, rounded as a product of the matrices would be. */
  RowProduct: None;
  /**
   * inputs: x [N, K] and the parts of a packed matrix W of `shape` [out, in], in the order of `Packing`. x @ W^T where `transposed`, else
   * x @ W: both directions unpack the same bytes, for as long as the product takes.
   */
  PackedMatMul: {
    readonly packing: Packing;
    readonly shape: readonly [outFeatures: number, inFeatures: number];
    readonly transposed: boolean;
  };
  /** inputs: the parts of a packed matrix. output: the matrix, for what else but a product needs it. */
  Unpack: {
    readonly packing: Packing;
    readonly shape: readonly [outFeatures: number, inFeatures: number];
    readonly to: 'float32' | 'float64';
  };
  /** Sums over `axes`, keeping them as dimensions of 1. */
  ReduceSum: { readonly axes: readonly number[] };
  /** Sum of the squares over the last axis, kept as a dimension of 1. */
  SumSquares: None;
  /** outputs: log(sum(exp(x))) over the last axis, kept as a dimension of 1, and softmax(x). */
  LogSumExp: None;
  /** Index of the largest entry of the last axis, which is dropped. int64. */
  ArgMax: None;

  // the fused pieces of a transformer whose gradient is cheaper than that of their parts
  /** inputs: x [..., H], weight [H]. outputs: y = x * inv * weight and inv = 1 / sqrt(mean(x^2) + epsilon) [..., 1]. */
  RmsNorm: { readonly epsilon: number };
  /**
   * inputs: q [..., Q, D], k and v [..., S, D] whose leading dimensions broadcast to those of q, mask [..., Q, S] added to the scores.
   * outputs: o = P @ v and P = softmax(scale * q @ k^T + mask).
   */
  Attention: { readonly scale: number };
  /**
   * Causal attention of some texts over themselves, `block` queries at a time: no more than block x T scores of a head are ever there.
   * inputs: q [B, K, G, T, D], k and v [B, K, 1, T, D], positions and segments int64 [B, T]. A query sees the tokens of its own segment
   * whose position is at most its own, with a window fewer than `window` positions back; segments lie one after the other.
   * output: o [B, K, G, T, D].
   */
  BlockwiseAttention: BlockwiseAttributes;
  /** inputs: those of `BlockwiseAttention`, its output and the gradient of that. outputs: the gradients of q, k and v. */
  BlockwiseAttentionGradient: BlockwiseAttributes;
  /**
   * Rotary position embedding, halves rotated (Su et al. 2021, the layout of Hugging Face checkpoints).
   * inputs: x [B, H, T, D], positions int64 [B, T], cos and sin [M, D/2]. `inverse` rotates back.
   */
  Rope: { readonly inverse: boolean };

  // the backward pass
  /** The value of x, which counts as a constant: no gradient flows through. */
  Detach: None;

  // order
  /** inputs: x and others. output: x, which nothing may use before all others are computed. */
  After: None;

  // movement
  Reshape: { readonly dims: Dims };
  Transpose: { readonly perm: readonly number[] };
  /** Broadcasts to `dims`. */
  Expand: { readonly dims: Dims };
  /** `dim` is the length of the result along `axis`, which the builder cannot add up when a part is symbolic. */
  Concat: { readonly axis: number; readonly dim: Dim };
  /** Cuts `axis` into pieces of these sizes, one output each: numbers, or equal parts of a symbolic length. */
  Split: { readonly axis: number; readonly sizes: Dims };
  /** inputs: table [V, H], indices int64 [N]. output: table[indices] [N, H]. */
  Gather: None;
  /** inputs: indices int64 [N], updates [N, H]. output [rows, H]: zeros plus each update added to its row. */
  ScatterAddRows: { readonly rows: number };

  // masks: integers and booleans in, no gradient
  Equal: None;
  GreaterOrEqual: None;
  Less: None;
  And: None;
  Not: None;
  /**
   * inputs: like (only its shape counts), seed int64 []. output: 0 with probability `rate`, else 1 / (1 - rate): a pure function of
   * (seed, stream, element index), so a resumed run drops what the first would have dropped.
   */
  DropoutMask: { readonly rate: number; readonly stream: number };
}

export interface BlockwiseAttributes {
  readonly scale: number;
  readonly block: number;
  readonly window: number | undefined;
}

export type Primitive = keyof Attributes;

/** Added to a score that a query must not see. Finite, so that no infinity is subtracted from another; exp of it is 0 in float32. */
export const excludedScore = -1e30;

/** GeluTanh is x * sigmoid(slope * (x + cubic * x^3)). */
export const geluTanh = { slope: 2 * Math.sqrt(2 / Math.PI), cubic: 0.044715 } as const;
