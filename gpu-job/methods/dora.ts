import { DomainError } from '../../shared/errors.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { createSession, float32Of } from '../runtime/session.ts';
import { loraA, loraB, type LoraTarget, type LoraVariant } from './lora-variant.ts';
import type { MethodGraph } from './method.ts';
import { frozenWeight } from './tuned-model.ts';

export const doraMagnitude = (module: string): string => `${module}.lora_magnitude_vector`;

/** Name of m / |W + s B A|, [out]. */
const doraFactor = (module: string): string => `${module} magnitude over length`;

/**
 * DoRA (Liu et al. 2024, arXiv 2402.09353): W' = m / |W + s B A| * (W + s B A), with the length of each row (of each output) in the
 * place of |.| and the magnitudes m trained. Lengths count as constants in the backward pass (its section 4.3). At first m is the
 * length of W's rows and B is zero, so the model is the base.
 */
export const dora: LoraVariant = {
  parameters: ({ module, outFeatures }) => [
    // a vector that PEFT decays all the same
    { name: doraMagnitude(module), shape: [outFeatures], group: 'B', decays: true },
  ],
  initialValues: rowLengths,
  derived: (target, { outFeatures }) => [
    { name: doraFactor(target.module), shape: [outFeatures], of: (context) => magnitudeOverLength(context, target) },
  ],
  output(context, { target, product, update, dropped }) {
    const { graph } = context;
    const factor = context.fed(doraFactor(target.module)) ?? magnitudeOverLength(context, target);
    if (!dropped) return graph.mul(graph.add(product, update), factor);
    // as in PEFT: the product with W sees all of x, what the factor takes from it or adds to it sees what was not dropped
    const seen = graph.mul(context.product(target.module, dropped), graph.add(factor, -1));
    return graph.add(product, graph.add(seen, graph.mul(update, factor)));
  },
};

function magnitudeOverLength(context: MethodGraph, target: LoraTarget): Tensor {
  const { graph } = context;
  const magnitude = context.parameter(doraMagnitude(target.module));
  const lengths = adaptedRowLengths(context, target); // [out, 1]
  return graph.reshape(graph.div(graph.reshape(magnitude, lengths.dims), lengths), magnitude.dims);
}

/**
 * Lengths of the rows of W + s B A, [out, 1], without forming it: |w + s b A|^2 = |w|^2 + 2 s b . (A w) + s^2 b (A A^T) b for each row.
 * Made of values that the backward pass holds.
 */
function adaptedRowLengths(context: MethodGraph, { module, scaling }: LoraTarget): Tensor {
  const { graph } = context;
  const W = context.weight(`${module}.weight`); // [out, in]
  const [A, B] = [context.held(loraA(module)), context.held(loraB(module))]; // [r, in], [out, r]
  const crossed = graph.matmul(W, A, { transB: true, alpha: 2 * scaling }); // [out, r]
  const squared = graph.matmul(B, graph.matmul(A, A, { transB: true, alpha: scaling ** 2 })); // [out, r]
  const added = graph.sumLast(graph.mul(B, graph.add(crossed, squared)));
  return graph.sqrt(graph.add(graph.sumSquares(W), added));
}

/** Lengths of the rows of the base's weights, by the kernel that the training graph has them from, so that the first factors are 1. */
async function rowLengths(
  base: BaseModelFolder,
  targets: readonly LoraTarget[],
): Promise<ReadonlyMap<string, Float32Array>> {
  const graph = new GraphBuilder();
  for (const { module } of targets)
    graph.output(doraMagnitude(module), graph.sqrt(graph.sumSquares(frozenWeight(graph, base, `${module}.weight`))));
  const session = await createSession(graph, { weightsFolder: base.path, prepack: false });
  try {
    const results = await session.run({});
    return new Map(
      targets.map(({ module }) => {
        const lengths = float32Of(results, doraMagnitude(module));
        const zero = lengths.indexOf(0);
        if (zero >= 0) throw zeroRow(module, zero);
        return [doraMagnitude(module), lengths];
      }),
    );
  } finally {
    await session.close();
  }
}

function zeroRow(module: string, row: number): DomainError {
  return new DomainError(
    'dora-zero-row',
    `Row ${row} of ${module} is zero in the base: DoRA would divide by its length. Leave the module out of target_modules.`,
  );
}
