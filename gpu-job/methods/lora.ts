import { DomainError } from '../../shared/errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Method, MethodGraph, TunableModel } from './method.ts';

/** One linear module with a low-rank update: y += scaling * (dropout(x) A^T) B^T. */
export interface LoraTarget {
  readonly module: string;
  readonly r: number;
  /** lora_alpha / r, or lora_alpha / sqrt(r) for rank-stabilised LoRA. */
  readonly scaling: number;
}

export const loraA = (module: string): string => `${module}.lora_A`;
export const loraB = (module: string): string => `${module}.lora_B`;

/** LoRA (Hu et al. 2021, arXiv 2106.09685) on `targets`. `dropout` is the probability of dropping an input of A. */
export function loraMethod(model: TunableModel, targets: readonly LoraTarget[], dropout = 0): Method {
  const linears = new Map(model.linears.map((linear) => [linear.module, linear]));
  const parameters = targets.flatMap(({ module, r }) => {
    const linear = linears.get(module);
    if (!linear)
      throw new DomainError('lora-target', `${module} is not a linear module of this model, so LoRA cannot act on it.`);
    return [
      { name: loraA(module), shape: [r, linear.inFeatures] },
      { name: loraB(module), shape: [linear.outFeatures, r] },
    ];
  });
  const byModule = new Map(targets.map((target, stream) => [target.module, { ...target, stream }]));
  return {
    parameters,
    usesDropout: dropout > 0,
    extendLinear(context, module, x, product) {
      const target = byModule.get(module);
      if (!target) return undefined;
      const { graph } = context;
      const kept = drop(context, x, dropout, target.stream);
      const low = graph.matmul(kept, context.parameter(loraA(module)), { transB: true }); // [N, r]
      const update = graph.matmul(low, context.parameter(loraB(module)), { transB: true, alpha: target.scaling });
      return graph.add(product, update);
    },
  };
}

function drop({ graph, dropoutSeed }: MethodGraph, x: Tensor, rate: number, stream: number): Tensor {
  if (rate === 0 || !dropoutSeed) return x;
  return graph.mul(x, graph.apply('DropoutMask', [x, dropoutSeed], { rate, stream }));
}
