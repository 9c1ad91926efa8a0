import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { openBaseText, openRows } from '../../gpu-job/jobs/base-text.ts';
import { initialLora } from '../../gpu-job/methods/initial-lora.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { accumulate } from '../../gpu-job/training/accumulate.ts';
import { makeBatches, type Batch, type TokenRow } from '../../gpu-job/training/batches.ts';
import { clipScale, createAdamW, globalNorm } from '../../gpu-job/training/optimizers.ts';
import type { TrainStep } from '../../gpu-job/training/step-graph.ts';
import { indicesUpTo } from '../../gpu-job/training/token-rows.ts';
import { loraConfigSchema } from '../../shared/methods/lora.ts';

/** A run on the trained base and the real rows that stand in `examples`. */
export interface RealSteps {
  readonly model: TunedModel;
  /** The batches of each step. */
  readonly steps: readonly (readonly Batch[])[];
  readonly firstValues: () => Promise<Map<string, Float32Array>>;
}

export async function realSteps(count: number, rowsOfStep: number): Promise<RealSteps> {
  const folder = 'examples/tiny-base';
  const base = await openBaseModel(folder);
  const r = 8;
  const targetsOf = (linears: TunedModel['linears']) => linears.map(({ module }) => ({ module, r, scaling: 2 }));
  const model = tunedModel(base, (known) => loraMethod(known, targetsOf(known.linears)));
  const config = loraConfigSchema.parse({ peft_type: 'LORA', r, lora_alpha: 2 * r, target_modules: 'all-linear' });
  const text = await openBaseText(folder);
  const rows: TokenRow[] = [];
  const files = await openRows('examples/datasets/noun-classes/train.jsonl');
  await text.readRows(files, { contextMax: model.spec.maxPositions, longRows: 'refuse' }, (read) => {
    for (const row of read) if (rows.length < count * rowsOfStep) rows.push(row);
    return Promise.resolve();
  });
  await text.close();
  const shape = { microBatchTokens: 4096, packing: true, packTokens: 128, lengthMax: model.spec.maxPositions };
  const batches = Array.from({ length: count }, (_, step) => {
    const own = rows.slice(step * rowsOfStep, (step + 1) * rowsOfStep);
    return makeBatches(own, indicesUpTo(own.length), shape);
  });
  const initial = { base, model, saved: [], config, targets: targetsOf(model.linears), seed: 1 };
  return { model, steps: batches, firstValues: () => initialLora(initial, () => undefined) };
}

/** Loss of each step of AdamW at a rate of 5e-3, clipped at 1. */
export async function lossCurve(
  { model, steps, firstValues }: RealSteps,
  step: Pick<TrainStep, 'run'>,
): Promise<number[]> {
  const values = await firstValues();
  const optimizer = createAdamW(model.method?.parameters ?? [], {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
  });
  const losses: number[] = [];
  for (const batches of steps) {
    const { loss, gradients } = await accumulate(step, values, batches, () => 0);
    optimizer.update(values, gradients, 5e-3, clipScale(globalNorm(gradients), 1));
    losses.push(loss);
  }
  return losses;
}
