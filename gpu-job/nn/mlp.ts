import type { Tensor } from '../graph/tensor.ts';
import type { ForwardContext } from './forward-context.ts';

/** down(silu(gate(x)) * up(x)), x [N, H] -> [N, H] (SwiGLU, Shazeer 2020). */
export function gatedMlp(context: ForwardContext, module: string, x: Tensor): Tensor {
  const { graph } = context;
  const [gate, up] = context.linears([`${module}.gate_proj`, `${module}.up_proj`], x) as [Tensor, Tensor]; // one for each module
  return context.linear(`${module}.down_proj`, graph.mul(graph.silu(gate), up));
}
