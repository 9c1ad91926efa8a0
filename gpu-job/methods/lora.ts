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
      { name: loraB(module), shape: [linear.outFeatures, r], group: 'B' as const },
    ];
  });
  const byModule = new Map(targets.map((target, stream) => [target.module, { ...target, stream }]));
  return {
    parameters,
    usesDropout: dropout > 0,
    extendLinears(context, x, linears) {
      const { graph } = context;
      const tuned = linears.flatMap(({ module }) => byModule.get(module) ?? []);
      // without dropout one product serves all modules that read x: thin products use the machine badly
      const together = dropout > 0 ? tuned.map((target) => [target]) : [tuned];
      const low = new Map<string, Tensor>();
      for (const targets of together) {
        const [first] = targets;
        if (!first) continue;
        const parts = lowStates(context, drop(context, x, dropout, first.stream), targets);
        for (const [i, { module }] of targets.entries()) low.set(module, parts[i] as Tensor); // one for each target
      }
      return linears.map(({ module, product }) => {
        const [target, states] = [byModule.get(module), low.get(module)];
        if (!target || !states) return product;
        const update = graph.matmul(states, context.parameter(loraB(module)), { transB: true, alpha: target.scaling });
        return graph.add(product, update);
      });
    },
  };
}

/** x A^T [N, r] of each target. */
function lowStates(context: MethodGraph, x: Tensor, targets: readonly LoraTarget[]): readonly Tensor[] {
  const { graph } = context;
  const ranks = targets.map(({ r }) => r);
  const rank = ranks.reduce((sum, r) => sum + r, 0);
  const factors = targets.map(({ module }) => context.parameter(loraA(module)));
  return graph.split(graph.matmul(x, graph.concat(factors, 0, rank), { transB: true }), 1, ranks);
}

function drop({ graph, dropoutSeed }: MethodGraph, x: Tensor, rate: number, stream: number): Tensor {
  if (rate === 0 || !dropoutSeed) return x;
  return graph.mul(x, graph.apply('DropoutMask', [x, dropoutSeed], { rate, stream }));
}
