/** What a step holds, and what it computes again instead. */
export interface StepMemory {
  /** Whether the layers are computed again in the backward pass instead of being kept. */
  readonly recompute: boolean;
  /** Whether frozen weights are copied into the order that products like. */
  readonly prepack: boolean;
  /** Parts of a batch whose logits are there one after the other: a power of two, at most `batchLengthUnit`. */
  readonly lossChunks: number;
  /** Queries of one block of attention, each block computed by itself and again in the backward pass; absent: all at once. */
  readonly attentionBlock?: number;
}

/** By the name a spec gives it. */
export const stepMemory = {
  fast: { recompute: false, prepack: true, lossChunks: 1 },
  middle: { recompute: false, prepack: false, lossChunks: 4, attentionBlock: 128 },
  lean: { recompute: true, prepack: false, lossChunks: 8, attentionBlock: 128 },
} as const satisfies Readonly<Record<string, StepMemory>>;
