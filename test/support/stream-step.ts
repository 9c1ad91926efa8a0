import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';

/** What a training run says of a step; what a test does not look at is 0 or 1. */
export const streamStep = (at: number, loss: number): JobStreamEvent['event'] => ({
  type: 'step',
  step: at,
  steps: 9,
  epoch: 0,
  loss,
  learningRate: 1,
  gradientNorm: 1,
  tokensPerSecond: 1,
  secondsLeft: 0,
});
