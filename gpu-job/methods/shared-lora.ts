import { DomainError, invariant } from '../../shared/errors.ts';
import { productOfDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { loraA, loraB, type LoraTarget } from './lora-variant.ts';
import type { Method, MethodGraph, Parameter, TunableModel } from './method.ts';

/** One of the adapters that share a base: rows of its task are its own. */
export interface TaskLora {
  readonly name: string;
  readonly targets: readonly LoraTarget[];
}

/** Name of a task's tensor among those of all tasks. */
export const ofTask = (task: string, name: string): string => `${task}: ${name}`;

/** What a token that belongs to no task is fed as its task; task i is fed as i + 1. */
export const noTask = 0;

/**
 * Plain LoRA of several tasks on one base: each token is updated by the adapter of its own task alone. The factors of all tasks make one wide
 * pair, and what x A^T gives for other tasks is multiplied by zero, so y = x W^T + (x [A1; A2; ..]^T * m) [B1, B2, ..]^T, where m is the scaling of the
 * token's task in the columns of that task. A gradient of one task's factors therefore has terms of its own tokens only. `docs/adr/0023-adapters-that-share-a-base.md`.
 */
export function sharedLora(model: TunableModel, tasks: readonly TaskLora[]): Method {
  const linears = new Map(model.linears.map((linear) => [linear.module, linear]));
  const parameters = tasks.flatMap(({ name, targets }) =>
    targets.flatMap(({ module, r }): Parameter[] => {
      const linear = linears.get(module);
      if (!linear)
        throw new DomainError(
          'lora-target',
          `${module} is no linear module inside a layer: adapters that share a base act on those only.`,
        );
      return [
        { name: ofTask(name, loraA(module)), shape: [r, linear.inFeatures] },
        { name: ofTask(name, loraB(module)), shape: [linear.outFeatures, r], group: 'B' },
      ];
    }),
  );
  const byModule = new Map<string, TaskTarget[]>();
  for (const [index, { name, targets }] of tasks.entries())
    for (const target of targets)
      byModule.set(target.module, [...(byModule.get(target.module) ?? []), { ...target, task: name, index }]);
  return {
    parameters,
    usesDropout: false,
    sharesRows: true,
    extendLinears(context, x, products) {
      const { graph } = context;
      const tuned = products.flatMap(({ module }) => byModule.get(module) ?? []);
      if (tuned.length === 0) return products.map(({ product }) => product);
      // one product for everything that reads x: thin ones use the machine badly
      const factors = tuned.map(({ task, module }) => context.parameter(ofTask(task, loraA(module))));
      const low = graph.matmul(x, graph.concat(factors, 0, rankOf(tuned)), { transB: true }); // [N, ranks]
      const ranks = products.flatMap(({ module }) =>
        byModule.has(module) ? [rankOf(byModule.get(module) ?? [])] : [],
      );
      const parts = graph.split(low, 1, ranks);
      let next = 0;
      return products.map(({ module, product }) => {
        const own = byModule.get(module);
        if (!own) return product;
        const masked = graph.mul(parts[next++] as Tensor, taskMask(context, own, tasks.length)); // one part for each
        const B = graph.concat(
          own.map(({ task }) => context.parameter(ofTask(task, loraB(module)))),
          1,
          rankOf(own),
        );
        return graph.add(product, graph.matmul(masked, B, { transB: true }));
      });
    },
  };
}

interface TaskTarget extends LoraTarget {
  readonly task: string;
  readonly index: number;
}

const rankOf = (targets: readonly LoraTarget[]): number => targets.reduce((sum, { r }) => sum + r, 0);

/** [N, ranks]: the scaling of a token's task in the columns of that task, 0 elsewhere. A row of a table for each task, and one for none. */
function taskMask({ graph, tasks }: MethodGraph, targets: readonly TaskTarget[], count: number): Tensor {
  invariant(tasks, 'a graph of tasks is fed whose each token is');
  const rows = Array.from({ length: count + 1 }, (_, fed) =>
    targets.flatMap(({ index, r, scaling }) => Array.from({ length: r }, () => (fed === index + 1 ? scaling : 0))),
  );
  const table = graph.constant(rows.flat(), [count + 1, rankOf(targets)]);
  return graph.gather(table, graph.reshape(tasks, [productOfDims(tasks.dims)]));
}
