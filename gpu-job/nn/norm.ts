import type { Tensor } from '../graph/tensor.ts';
import type { DecoderSpec } from './decoder-spec.ts';
import type { ForwardContext } from './forward-context.ts';

/** x / rms(x) * weight over the last axis (Zhang and Sennrich 2019), or times 1 + weight. `module` is the checkpoint path of the norm. */
export function rmsNorm(
  context: ForwardContext,
  spec: Pick<DecoderSpec, 'rmsNormEpsilon' | 'normFactor'>,
  module: string,
  x: Tensor,
): Tensor {
  const { graph } = context;
  const weight = context.weight(`${module}.weight`);
  const factor = spec.normFactor === 'weight' ? weight : graph.add(weight, 1);
  return graph.apply('RmsNorm', [x, factor], { epsilon: spec.rmsNormEpsilon });
}
