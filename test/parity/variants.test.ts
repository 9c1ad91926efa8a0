import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAdapterFolder, type LoraAdapter } from '../../gpu-job/folders/adapter.ts';
import { openBaseModel, type BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { exists } from '../../gpu-job/folders/files.ts';
import { runMerge } from '../../gpu-job/jobs/merge.ts';
import { adapterParameters, copiesOf } from '../../gpu-job/methods/adapted-model.ts';
import { dora, doraMagnitude } from '../../gpu-job/methods/dora.ts';
import { loraA, loraB, type LoraVariant } from '../../gpu-job/methods/lora-variant.ts';
import { loraVariant } from '../../gpu-job/methods/lora-variants.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createEvalStep } from '../../gpu-job/training/eval-graph.ts';
import { createTrainStep } from '../../gpu-job/training/step-graph.ts';
import { mergeSpecSchema } from '../../shared/contract/specs/merge.ts';
import { loraTargets } from '../../shared/domain/lora-targets.ts';
import { savedTensors } from '../../shared/domain/saved-tensors.ts';
import { loraEmbeddingNames, loraTensorNames, savedTensorName } from '../../shared/methods/lora.ts';
import {
  batchOf,
  fixturePath,
  readFixtureJson,
  readFixtureTensors,
  readTensors,
  relativeDeviation,
  type FixtureTensor,
  type HuggingFaceInputs,
} from './fixture.ts';

/** Against the largest magnitude of the same tensor. Truth is float64; a float32 run of torch is 3e-6 away. */
const bound = 1e-4;

/** What `record.py` says of a variant: its base, and the modules in the order in which they run. */
const cases = [
  { name: 'dora', base: 'llama-untied' },
  { name: 'embeddings', base: 'llama-untied' },
  { name: 'saved', base: 'llama-untied' },
  // input and output share a tensor in the base, and part
  { name: 'tied', base: 'llama-tiny' },
];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-variants-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(cases)('$name', ({ name, base: baseName }) => {
  it('acts on the modules that PEFT chose, and holds whole the tensors that PEFT trained', async () => {
    const { model, adapter } = await openCase(name, baseName);
    const { linears, embeddings, tensors } = model();
    const { input, output } = embeddings;
    const modules = [...linears, output, { ...input, kind: 'embedding' as const }];
    const { targets } = loraTargets(adapter.config, modules);
    expect(targets.map(({ module }) => module).toSorted()).toEqual([...adapter.modules.keys()].toSorted());
    const all = [...tensors, { name: `${output.module}.weight` }];
    const saved = new Set(savedTensors(adapter.config.modules_to_save, all).map((tensor) => tensor.name));
    expect([...saved].toSorted()).toEqual([...adapter.copies.keys()].toSorted());
  });

  it('has the logits of PEFT', async () => {
    const { model, adapter, batch, truth } = await openCase(name, baseName);
    expect(relativeDeviation(await logitsOf(model(), adapter, batch), valuesOf(truth, 'logits'))).toBeLessThan(bound);
  });

  it.each([
    ['without dropout', 'gradient', 0],
    ['with the masks of our dropout', 'dropped', 0.25],
  ])('has the gradients of PEFT %s', async (_, kind, dropout) => {
    const { model, adapter, batch, truth } = await openCase(name, baseName);
    expect(await worstGradient(model({ dropout }), adapter, batch, truth, kind)).toBeLessThan(bound);
  });

  it('merged has the logits of the adapter', async () => {
    const { batch, truth } = await openCase(name, baseName);
    const merged = tunedModel(await openBaseModel(await merge(name, baseName)));
    const step = await createEvalStep(merged, { threads: 1 });
    expect(relativeDeviation(await step.logits(new Map(), batch), valuesOf(truth, 'logits'))).toBeLessThan(bound);
    await step.close();
  });
});

it.each(cases.filter(({ base }) => base === 'llama-untied'))(
  '$name merged has the weights of merge_and_unload',
  async ({ name, base }) => {
    const ours = await readTensors(join(await merge(name, base), 'model.safetensors'));
    const theirs = await readFixtureTensors(name, 'merged.safetensors');
    const before = await readFixtureTensors(base, 'base', 'model.safetensors');
    expect(theirs.size).toBeGreaterThan(3);
    for (const [tensor, { values }] of ours) {
      const wanted = theirs.get(tensor)?.values ?? before.get(tensor)?.values ?? [];
      expect(relativeDeviation(values, wanted), tensor).toBeLessThan(1e-6);
    }
  },
);

describe('the bound is tight enough to see DoRA', () => {
  it.each<[string, Partial<LoraVariant>, string]>([
    ['whose lengths are not held in the backward pass', held((name, context) => context.parameter(name)), 'gradient'],
    [
      'whose factor reaches what was dropped',
      { output: (context, parts) => dora.output(context, { ...parts, dropped: undefined }) },
      'dropped',
    ],
    [
      'that counts the update twice',
      { output: (context, parts) => dora.output(context, { ...parts, update: context.graph.mul(parts.update, 2) }) },
      'gradient',
    ],
  ])('%s', async (_, fault, kind) => {
    const { model, adapter, batch, truth } = await openCase('dora', 'llama-untied');
    const variant = { ...dora, ...fault };
    const tuned = model({ variant, dropout: kind === 'dropped' ? 0.25 : 0 });
    expect(await worstGradient(tuned, adapter, batch, truth, kind)).toBeGreaterThan(10 * bound);
  });
});

/** Merges the adapter of a case, once; where it stands. */
async function merge(name: string, baseName: string): Promise<string> {
  const output = join(folder, name);
  if (await exists(output)) return output;
  const [base, adapter] = [fixturePath(baseName, 'base'), fixturePath(name, 'adapter')];
  const spec = mergeSpecSchema.parse({ kind: 'merge', base, adapter, output, threads: 1 });
  await runMerge(spec, { emit() {}, stopRequested: () => false, now: () => performance.now() });
  return output;
}

/** DoRA that gets something else for what it asks to be held. */
function held(
  replace: (name: string, context: Parameters<LoraVariant['output']>[0]) => ReturnType<typeof context.held>,
): Partial<LoraVariant> {
  return { output: (context, parts) => dora.output({ ...context, held: (name) => replace(name, context) }, parts) };
}

async function openCase(name: string, baseName: string) {
  const base = await openBaseModel(fixturePath(baseName, 'base'));
  const adapter = await readAdapterFolder(fixturePath(name, 'adapter'));
  const batch = batchOf(await readFixtureJson<HuggingFaceInputs>(name, 'inputs.json'));
  const truth = await readFixtureTensors(name, 'expected.safetensors');
  const model = (options: Parameters<typeof loraMethod>[2] = {}): TunedModel => tuned(base, adapter, options);
  return { model, adapter, batch, truth };
}

/** Targets in the order of the model, which is that of their masks. */
function tuned(base: BaseModelFolder, adapter: LoraAdapter, options: Parameters<typeof loraMethod>[2]) {
  const { config, modules } = adapter;
  return tunedModel(base, (known) => {
    const { input, output } = known.embeddings;
    const targets = [input, ...known.linears, output].flatMap(({ module }) => modules.get(module) ?? []);
    return loraMethod(known, targets, { variant: loraVariant(config), saved: copiesOf(adapter), ...options });
  });
}

async function logitsOf(
  model: TunedModel,
  adapter: LoraAdapter,
  batch: ReturnType<typeof batchOf>,
): Promise<Float32Array> {
  const step = await createEvalStep(model, { threads: 1 });
  const logits = await step.logits(adapterParameters(adapter), batch);
  await step.close();
  return logits;
}

async function worstGradient(
  model: TunedModel,
  adapter: LoraAdapter,
  batch: ReturnType<typeof batchOf>,
  truth: ReadonlyMap<string, FixtureTensor>,
  kind: string,
): Promise<number> {
  const step = await createTrainStep(model, { threads: 1 });
  const scale = { lossScale: 1 / batch.labelCount, seed: 5 };
  const { gradients } = await step.run(adapterParameters(adapter), batch, scale);
  await step.close();
  let worst = 0;
  const compare = (own: string, theirs: string, order = (values: Float32Array): Float32Array => values): void => {
    const gradient = gradients.get(own);
    if (gradient) worst = Math.max(worst, relativeDeviation(order(gradient), valuesOf(truth, `${kind}.${theirs}`)));
  };
  for (const { module, kind: role, r, inFeatures, outFeatures } of adapter.modules.values()) {
    const [names, embedding] = [loraTensorNames(module), loraEmbeddingNames(module)];
    if (role) {
      compare(loraA(module), embedding.B, (values) => transposed(values, r, inFeatures));
      compare(loraB(module), embedding.A, (values) => transposed(values, outFeatures, r));
    } else {
      compare(loraA(module), names.A);
      compare(loraB(module), names.B);
      compare(doraMagnitude(module), names.magnitude);
    }
  }
  for (const name of adapter.copies.keys()) compare(name, savedTensorName(name));
  return worst;
}

/** Of a matrix [rows, columns]. */
const transposed = (values: Float32Array, rows: number, columns: number): Float32Array =>
  values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);

const valuesOf = (tensors: ReadonlyMap<string, FixtureTensor>, name: string): Float32Array => {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`the fixture holds ${name}`);
  return tensor.values;
};
