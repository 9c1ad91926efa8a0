import { DomainError, invariant } from '../../shared/errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { LinearModule } from '../nn/decoder.ts';
import { initialName, loraA, loraB, type LoraTarget, type LoraVariant } from './lora-variant.ts';
import { plainLora } from './lora-variants.ts';
import type { Method, MethodGraph, Parameter, TunableModel } from './method.ts';

export interface LoraOptions {
  /** Probability of dropping an input of A. */
  readonly dropout?: number;
  /** Default: plain LoRA. */
  readonly variant?: LoraVariant;
  /** Whether the first factors were taken from the base: training goes on with W - scaling * B0 A0, of which no copy is made. */
  readonly takesFromBase?: boolean;
  /** Tensors of the base that are trained whole (`modules_to_save`). */
  readonly saved?: readonly Parameter[];
}

/** LoRA (Hu et al. 2021, arXiv 2106.09685) on `targets`, or a variant of it. */
export function loraMethod(model: TunableModel, targets: readonly LoraTarget[], options: LoraOptions = {}): Method {
  const { dropout = 0, variant = plainLora, takesFromBase = false, saved = [] } = options;
  const { input, output } = model.embeddings;
  const known = new Map([...model.linears, input, output].map((linear) => [linear.module, linear]));
  for (const { module } of targets)
    if ((module === input.module || module === output.module) && (variant !== plainLora || takesFromBase))
      throw new DomainError('lora-target', `On ${module} only plain LoRA with a random beginning is computed here.`);
  const factors = targets.flatMap(({ module, r }) => {
    const { inFeatures, outFeatures } = linearOf(known, module);
    return [
      {
        name: loraA(module),
        shape: [r, inFeatures],
        ...(module === input.module ? { group: 'embedding' as const } : {}),
      },
      {
        name: loraB(module),
        shape: [outFeatures, r],
        group: module === input.module ? ('embedding' as const) : ('B' as const),
      },
    ];
  });
  const more = targets.flatMap(({ module }) => variant.parameters(linearOf(known, module)));
  const derived = targets.flatMap((target) => variant.derived?.(target, linearOf(known, target.module)) ?? []);
  const copies = saved.map(({ name, shape }) => ({
    name,
    shape,
    ...(shape.length > 1 ? {} : { group: 'B' as const }),
  }));
  const whole = new Set(copies.map(({ name }) => name));
  const byModule = new Map(targets.map((target, stream) => [target.module, { ...target, stream }]));
  return {
    parameters: [...factors, ...more, ...copies],
    ...(takesFromBase ? { constants: factors.map(({ name, shape }) => ({ name: initialName(name), shape })) } : {}),
    ...(derived.length > 0 ? { derived } : {}),
    usesDropout: dropout > 0,
    unties: true,
    replaceWeight: (context, name) => (whole.has(name) ? context.parameter(name) : undefined),
    // B has a row for each token, as the weight does; an input that is no vector is not dropped from
    extendEmbedding(context, ids, embedded) {
      const target = byModule.get(input.module);
      if (!target) return embedded;
      const { graph } = context;
      const rows = graph.gather(context.parameter(loraB(target.module)), ids); // [N, r]
      return graph.add(
        embedded,
        graph.matmul(rows, context.parameter(loraA(target.module)), { alpha: target.scaling }),
      );
    },
    extendHead(context, hidden) {
      const target = byModule.get(output.module);
      const own = target && lowStates(context, hidden, [target], dropout).get(output.module);
      if (!target || !own) return undefined;
      return { low: own.low, update: { B: context.parameter(loraB(target.module)), scaling: target.scaling } };
    },
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
