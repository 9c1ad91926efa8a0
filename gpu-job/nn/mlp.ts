import type { Tensor } from '../graph/tensor.ts';
import type { DecoderSpec } from './decoder-spec.ts';
import type { ForwardContext } from './forward-context.ts';

/** down(act(gate(x)) * up(x)), x [N, H] -> [N, H] (Shazeer 2020). */
export function gatedMlp(
  context: ForwardContext,
  spec: Pick<DecoderSpec, 'activation' | 'fusedProjections' | 'intermediateSize'>,
  module: string,
  x: Tensor,
): Tensor {
  const { graph } = context;
  const parts = spec.fusedProjections
    ? graph.split(context.linear(`${module}.gate_up_proj`, x), 1, [spec.intermediateSize, spec.intermediateSize])
    : context.linears([`${module}.gate_proj`, `${module}.up_proj`], x);
  const [gate, up] = parts as [Tensor, Tensor]; // one for each module or half
  const activated = spec.activation === 'silu' ? graph.silu(gate) : graph.geluTanh(gate);
  return context.linear(`${module}.down_proj`, graph.mul(activated, up));
}
