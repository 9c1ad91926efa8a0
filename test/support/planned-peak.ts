/**
 * `planned-peak.ts FOLDER CASE`, CASE as JSON of `PeakCase`: takes two steps of a model in this process, and prints what the process was
 * planned to take at its peak and what it took, in bytes, as one line of JSON.
 */
import { fileURLToPath } from 'node:url';
import { trainSpecSchema } from '../../shared/contract/specs/train.ts';
import { plannedStep } from '../../shared/domain/plan-step.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';
import { shapeSize } from '../../shared/formats/dtype.ts';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { liveCounter, planSubject } from '../../gpu-job/jobs/choose-step-plan.ts';
import { planLora, plannedMethod } from '../../gpu-job/jobs/plan-lora.ts';
import { requireMethod, tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { indicesUpTo, rowsInMemory } from '../../gpu-job/training/token-rows.ts';
import { makeBatches } from '../../gpu-job/training/batches.ts';
import { createAdamW } from '../../gpu-job/training/optimizers.ts';
import { createTrainStep } from '../../gpu-job/training/step-graph.ts';
import { uniform } from './random-base.ts';

export interface PeakCase {
  readonly memory: keyof typeof stepMemory;
  readonly rows: number;
  readonly length: number;
  /** Settings of LoRA. */
  readonly config: Readonly<Record<string, unknown>>;
}

export interface PlannedPeak {
  readonly planned: number;
  readonly measured: number;
}

async function peakOf(folder: string, { memory, rows: count, length, config }: PeakCase): Promise<PlannedPeak> {
  const asked = trainSpecSchema.parse({
    kind: 'train',
    base: folder,
    output: folder,
    data: { train: folder },
    method: { kind: 'lora', config },
    batch: { microBatchTokens: count * length, packTokens: length },
  });
  if (asked.method.kind !== 'lora') throw new Error('the method is LoRA');
  const base = await openBaseModel(folder);
  const lora = planLora({ ...asked, method: asked.method }, tunedModel(base));
  const model = tunedModel(base, (known) => plannedMethod(known, lora));
  const { parameters } = requireMethod(model);
  const random = uniform(1);
  const rows = rowsInMemory(
    Array.from({ length: count }, () => ({
      tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(random() * model.spec.vocabSize)),
      trained: new Uint8Array(length + 1).fill(1),
    })),
  );
  const batchShape = { ...asked.batch, lengthMax: length };
  const run = { model, config: lora.config, targets: lora.targets, parameters, rows, batchShape };
  const none = { evalRows: rowsInMemory([]), prompts: [] };
  const { microBatchTokens } = asked.batch;
  const plan = { memory: stepMemory[memory], microBatchTokens };
  const { bytes } = plannedStep(planSubject(asked, { ...run, ...none }), plan, liveCounter(run));

  const [batch] = makeBatches(await rows.read(indicesUpTo(count)), indicesUpTo(count), batchShape);
  if (batch?.rows !== count) throw new Error('the rows make one batch');
  // magnitudes of DoRA are divided by, and all else may be anything
  const values = new Map(
    parameters.map(({ name, shape }) => [name, Float32Array.from({ length: shapeSize(shape) }, () => 1 + random())]),
  );
  const optimizer = createAdamW(parameters, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  const step = await createTrainStep(model, { memory: plan.memory, threads: 1 });
  for (let i = 0; i < 2; i++)
    optimizer.update(values, (await step.run(values, batch, { lossScale: 1 })).gradients, 0, 1);
  const measured = process.resourceUsage().maxRSS * 1024;
  await step.close();
  return { planned: bytes, measured };
}

const [, script, folder = '', given = ''] = process.argv;
if (script === fileURLToPath(import.meta.url))
  console.log(JSON.stringify(await peakOf(folder, JSON.parse(given) as PeakCase))); // as the test writes it
