import { expect, it } from 'vitest';
import { readAdapterFolder, type LoraAdapter } from '../../gpu-job/folders/adapter.ts';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { doraMagnitude } from '../../gpu-job/methods/dora.ts';
import type { AdamWOptions } from '../../gpu-job/training/optimizers.ts';
import { createTrainStep } from '../../gpu-job/training/step-graph.ts';
import { fixturePath, frobeniusDistance, readFixtureJson } from './fixture.ts';
import { openAdapted } from './open-adapted.ts';
import { trainRecorded, updates, worstDifference, type Curve, type RecordedRun } from './recorded-run.ts';

/** Absolute, in nats, at every step. A float32 run of torch is up to 6e-6 away from a float64 one. */
const lossBound = 1e-4;
/** Of all updates scaling * B A of the run together, |ours - theirs| / |theirs|; single entries of A and B may part by more. */
const updateBound = 1e-3;

const runs = ['lora-run-20', 'lora-run-plain', 'lora-plus-run', 'dora-run'];
const ofEmbeddings = ['embeddings-run', 'embeddings-plus-run', 'saved-run'];
it.each([...runs, ...ofEmbeddings])('%s takes the steps that torch, transformers and PEFT take', async (name) => {
  const { recorded, parameters, step, initial } = await openRun(name);
  const truth = await readFixtureJson<Curve>(name, 'expected.json');
  const curve = await trainRecorded(step, parameters, recorded);
  await step.close();
  expect(worstDifference(curve.losses, truth.losses)).toBeLessThan(lossBound);
  expect(worstDifference(curve.learningRates, truth.learningRates)).toBeLessThan(1e-12);
  expect(worstDifference(curve.gradientNorms, truth.gradientNorms)).toBeLessThan(1e-3);
  const trained = withParameters(initial, parameters);
  const theirs = await readAdapterFolder(fixturePath(name, 'final'));
  expect(frobeniusDistance(updates(trained), updates(theirs))).toBeLessThan(updateBound);
  expect([...trained.copies.keys()].toSorted()).toEqual([...theirs.copies.keys()].toSorted());
  // of a module that is trained whole its change, as of factors the update
  for (const copy of theirs.copies.keys())
    expect(frobeniusDistance(changeOf(trained, initial, copy), changeOf(theirs, initial, copy))).toBeLessThan(
      updateBound,
    );
});

it.each<[string, Partial<RecordedRun>, Partial<AdamWOptions>]>([
  ['without clipping', { clipNorm: null }, {}],
  ['with another epsilon', {}, { epsilon: 1e-3 }],
  ['with another beta2', {}, { beta2: 0.99 }],
  ['with a warm-up one step longer', { warmupSteps: 4 }, {}],
  ['with a line instead of the cosine', { schedule: 'linear' }, {}],
])('a run %s is seen to part', async (_, change, optimizer) => {
  const { recorded, parameters, step } = await openRun('lora-run-20');
  const truth = await readFixtureJson<Curve>('lora-run-20', 'expected.json');
  const curve = await trainRecorded(step, parameters, { ...recorded, ...change }, optimizer);
  await step.close();
  expect(worstDifference(curve.losses, truth.losses)).toBeGreaterThan(lossBound);
});

it('a run without weight decay is seen to part in its weights', async () => {
  const { recorded, parameters, step, initial } = await openRun('lora-run-20');
  await trainRecorded(step, parameters, { ...recorded, weightDecay: 0 });
  await step.close();
  const theirs = await readAdapterFolder(fixturePath('lora-run-20', 'final'));
  expect(frobeniusDistance(updates(withParameters(initial, parameters)), updates(theirs))).toBeGreaterThan(updateBound);
});

it.each([1, 7])('LoRA+ with the ratio %i is seen to part from one with 8', async (loraPlusRatio) => {
  const { recorded, parameters, step } = await openRun('lora-plus-run');
  const truth = await readFixtureJson<Curve>('lora-plus-run', 'expected.json');
  const curve = await trainRecorded(step, parameters, { ...recorded, loraPlusRatio });
  await step.close();
  expect(worstDifference(curve.losses, truth.losses)).toBeGreaterThan(lossBound);
});

it.each([undefined, 0.01])('LoRA+ with the rate %s of embeddings is seen to part', async (loraPlusEmbeddingRate) => {
  const { recorded, parameters, step } = await openRun('embeddings-plus-run');
  const truth = await readFixtureJson<Curve>('embeddings-plus-run', 'expected.json');
  const { loraPlusEmbeddingRate: _, ...others } = recorded;
  const changed = loraPlusEmbeddingRate === undefined ? others : { ...others, loraPlusEmbeddingRate };
  const curve = await trainRecorded(step, parameters, changed);
  await step.close();
  expect(worstDifference(curve.losses, truth.losses)).toBeGreaterThan(lossBound);
});

async function openRun(name: string) {
  const recorded = await readFixtureJson<RecordedRun>(name, 'run.json');
  const base = await openBaseModel(fixturePath(recorded.base ?? 'llama-tiny', 'base'));
  const { model, parameters, adapter } = await openAdapted(base, fixturePath(name, 'initial'));
  const values = new Map([...parameters].map(([parameter, data]) => [parameter, data.slice()]));
  return { recorded, parameters: values, initial: adapter, step: await createTrainStep(model, { threads: 1 }) };
}

function withParameters(adapter: LoraAdapter, parameters: ReadonlyMap<string, Float32Array>): LoraAdapter {
  const modules = [...adapter.modules].map(([name, module]) => {
    const [A, B] = [parameters.get(`${name}.lora_A`), parameters.get(`${name}.lora_B`)];
    if (!A || !B) throw new Error(`${name} was not trained`);
    const magnitude = parameters.get(doraMagnitude(name));
    return [name, { ...module, A, B, ...(magnitude ? { magnitude } : {}) }] as const;
  });
  const copies = [...adapter.copies].map(([name, copy]) => {
    const values = parameters.get(name);
    if (!values) throw new Error(`${name} was not trained`);
    return [name, { ...copy, values }] as const;
  });
  return { ...adapter, modules: new Map(modules), copies: new Map(copies) };
}

/** What training has added to a module that it trains whole. */
function changeOf(
  { copies }: Pick<LoraAdapter, 'copies'>,
  { copies: before }: LoraAdapter,
  name: string,
): Float32Array {
  const [now, then] = [copies.get(name)?.values, before.get(name)?.values];
  if (!now || !then) throw new Error(`${name} is no copy of both`);
  return now.map((value, i) => value - (then[i] as number)); // of one shape
}
