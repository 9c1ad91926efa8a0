import { DomainError, invariant } from '../../shared/errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { LinearModule } from '../nn/decoder.ts';
import { initialName, loraA, loraB, type LoraTarget, type LoraVariant } from './lora-variant.ts';
import { plainLora } from './lora-variants.ts';
import type { Method, MethodGraph, TunableModel } from './method.ts';

export interface LoraOptions {
  /** Probability of dropping an input of A. */
  readonly dropout?: number;
  /** Default: plain LoRA. */
  readonly variant?: LoraVariant;
  /** Whether the first factors were taken from the base: training goes on with W - scaling * B0 A0, of which no copy is made. */
  readonly takesFromBase?: boolean;
}

/** LoRA (Hu et al. 2021, arXiv 2106.09685) on `targets`, or a variant of it. */
export function loraMethod(model: TunableModel, targets: readonly LoraTarget[], options: LoraOptions = {}): Method {
  const { dropout = 0, variant = plainLora, takesFromBase = false } = options;
  const known = new Map(model.linears.map((linear) => [linear.module, linear]));
  const factors = targets.flatMap(({ module, r }) => {
    const { inFeatures, outFeatures } = linearOf(known, module);
    return [
      { name: loraA(module), shape: [r, inFeatures] },
      { name: loraB(module), shape: [outFeatures, r], group: 'B' as const },
    ];
  });
  const more = targets.flatMap(({ module }) => variant.parameters(linearOf(known, module)));
  const byModule = new Map(targets.map((target, stream) => [target.module, { ...target, stream }]));
  return {
    parameters: [...factors, ...more],
    ...(takesFromBase ? { constants: factors.map(({ name, shape }) => ({ name: initialName(name), shape })) } : {}),
    usesDropout: dropout > 0,
    extendLinears(context, x, linears) {
      const tuned = linears.flatMap(({ module }) => byModule.get(module) ?? []);
      const states = lowStates(context, x, tuned, dropout);
      return linears.map(({ module, product }) => {
        const [target, own] = [byModule.get(module), states.get(module)];
        if (!target || !own) return product;
        const B = context.parameter(loraB(module));
        const update = context.graph.matmul(own.low, B, { transB: true, alpha: target.scaling });
        const added = takesFromBase ? context.graph.sub(update, initialUpdate(context, x, target)) : update;
        return variant.output(context, { target, product, update: added, dropped: own.dropped });
      });
    },
  };
}

/** What the first factors make of x, by the same products as the update, so that at first nothing is left of it. */
function initialUpdate(context: MethodGraph, x: Tensor, { module, scaling }: LoraTarget): Tensor {
  const { graph } = context;
  const [A, B] = [loraA(module), loraB(module)].map((name) => context.parameter(initialName(name))) as [Tensor, Tensor];
  return graph.matmul(graph.matmul(x, A, { transB: true }), B, { transB: true, alpha: scaling });
}

function linearOf(linears: ReadonlyMap<string, LinearModule>, module: string): LinearModule {
  const linear = linears.get(module);
  if (linear) return linear;
  throw new DomainError('lora-target', `${module} is not a linear module of this model, so LoRA cannot act on it.`);
}

interface LowStates {
  /** x' A^T [N, r]. */
  readonly low: Tensor;
  readonly dropped: Tensor | undefined;
}

function lowStates(
  context: MethodGraph,
  x: Tensor,
  targets: readonly (LoraTarget & { readonly stream: number })[],
  dropout: number,
): ReadonlyMap<string, LowStates> {
  const states = new Map<string, LowStates>();
  const drops = dropout > 0 && context.dropoutSeed !== undefined;
  // where nothing is dropped one product serves all modules that read x: thin products use the machine badly
  for (const together of drops ? targets.map((target) => [target]) : [targets]) {
    const [first] = together;
    if (!first) continue;
    const dropped = drops ? drop(context, x, dropout, first.stream) : undefined;
    const parts = lowProducts(context, dropped ?? x, together);
    for (const [i, { module }] of together.entries()) states.set(module, { low: parts[i] as Tensor, dropped }); // one for each target
  }
  return states;
}

/** x A^T [N, r] of each target. */
function lowProducts(context: MethodGraph, x: Tensor, targets: readonly LoraTarget[]): readonly Tensor[] {
  const { graph } = context;
  const ranks = targets.map(({ r }) => r);
  const rank = ranks.reduce((sum, r) => sum + r, 0);
  const factors = targets.map(({ module }) => context.parameter(loraA(module)));
  return graph.split(graph.matmul(x, graph.concat(factors, 0, rank), { transB: true }), 1, ranks);
}

function drop({ graph, dropoutSeed }: MethodGraph, x: Tensor, rate: number, stream: number): Tensor {
  invariant(dropoutSeed, 'masks are drawn where there is a seed');
  return graph.mul(x, graph.apply('DropoutMask', [x, dropoutSeed], { rate, stream }));
}
