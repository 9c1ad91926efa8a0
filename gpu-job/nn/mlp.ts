import type { Tensor } from '../graph/tensor.ts';
import type { ForwardContext } from './forward-context.ts';

/** down(silu(gate(x)) * up(x)), x [N, H] -> [N, H] (SwiGLU, Shazeer 2020). */
export function gatedMlp(context: ForwardContext, module: string, x: Tensor): Tensor {
  const { graph } = context;
  const gate = graph.silu(context.linear(`${module}.gate_proj`, x));
  const up = context.linear(`${module}.up_proj`, x);
  return context.linear(`${module}.down_proj`, graph.mul(gate, up));
}
