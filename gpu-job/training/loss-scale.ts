/**
 * What the loss is multiplied by before the backward pass, so that small gradients do not vanish in float16 (Micikevicius et al. 2018, arXiv
 * 1710.03740); gradients are divided by it again in float32. A power of two: both are exact.
 */
export interface LossScale {
  readonly factor: number;
  /** Steps without an overflow since it was last changed. */
  readonly goodSteps: number;
}

/** As in PyTorch's `GradScaler`: half of it at each overflow, twice as much after so many steps without one. */
const goodStepsOfGrowth = 2000;
const factorMax = 2 ** 24;
export const firstLossScale: LossScale = { factor: 2 ** 16, goodSteps: 0 };

/** For the next step; never below 1. */
export function lossScaleAfter({ factor, goodSteps }: LossScale, overflow: boolean): LossScale {
  if (overflow) return { factor: Math.max(1, factor / 2), goodSteps: 0 };
  if (goodSteps + 1 < goodStepsOfGrowth) return { factor, goodSteps: goodSteps + 1 };
  return { factor: Math.min(factorMax, 2 * factor), goodSteps: 0 };
}
