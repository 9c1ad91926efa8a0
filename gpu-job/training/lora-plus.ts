import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { RateFactors } from './optimizers.ts';

/**
 * LoRA+ (Hayou et al. 2024, arXiv 2402.12354): B is trained at a multiple of A's rate, factors of embeddings at a rate of their own,
 * which follows the same schedule. Groups as in PEFT's `create_loraplus_optimizer`; empty without `loraPlusRatio`.
 */
export function loraPlusFactors(
  {
    loraPlusRatio,
    loraPlusEmbeddingRate,
  }: Partial<Pick<TrainSpec['optimizer'], 'loraPlusRatio' | 'loraPlusEmbeddingRate'>>,
  learningRate: number,
): RateFactors {
  if (loraPlusRatio === undefined) return {};
  return { B: loraPlusRatio, embedding: (loraPlusEmbeddingRate ?? embeddingRate) / learningRate };
}

/** PEFT's default. */
const embeddingRate = 1e-6;
