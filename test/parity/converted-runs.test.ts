import { describe, expect, it } from 'vitest';
import { readAdapterFolder, type LoraAdapter, type LoraModule } from '../../gpu-job/folders/adapter.ts';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { adapterParameters } from '../../gpu-job/methods/adapted-model.ts';
import { convertedModule } from '../../gpu-job/methods/converted-module.ts';
import { initialLora } from '../../gpu-job/methods/initial-lora.ts';
import { initialName, loraA, loraB } from '../../gpu-job/methods/lora-variant.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createEvalStep } from '../../gpu-job/training/eval-graph.ts';
import { createTrainStep } from '../../gpu-job/training/step-graph.ts';
import { convertedConfig } from '../../shared/methods/converted-config.ts';
import { batchOf, fixturePath, frobeniusDistance, readFixtureJson } from './fixture.ts';
import { trainRecorded, updates, worstDifference, type Curve, type RecordedRun } from './recorded-run.ts';

/** In nats at every step, and of all updates together: as for plain LoRA. */
const [lossBound, updateBound] = [1e-4, 1e-3];

describe.each(['pissa', 'olora'])('%s', (name) => {
  it('begins with the factors of PEFT, but for signs, which say nothing', async () => {
    const { base, initial } = await open(name);
    const ours = await firstFactors(name);
    expect(base.linears.length).toBe(initial.modules.size);
    for (const [module, theirs] of initial.modules) {
      const A = ours.get(loraA(module)) ?? new Float32Array();
      const B = ours.get(loraB(module)) ?? new Float32Array();
      // singular values that lie near each other share their directions, which float32 then tells apart less well
      expect(frobeniusDistance(productOf({ ...theirs, A, B }), productOf(theirs)), module).toBeLessThan(1e-4);
      expect(frobeniusDistance(A.map(Math.abs), theirs.A.map(Math.abs)), module).toBeLessThan(1e-3);
    }
  });

  it('leaves the logits of the base as they are, to the bit', async () => {
    const { base, initial, recorded, constants } = await open(name);
    const batch = batchOf(recorded.batches[0]?.[0] ?? { input_ids: [], labels: [] });
    const bare = await createEvalStep(tunedModel(base.base), { threads: 1 });
    const begun = await createEvalStep(residual(base.base, initial), { threads: 1 });
    const values = new Map([...adapterParameters(initial), ...constants]);
    expect(await begun.logits(values, batch)).toEqual(await bare.logits(new Map(), batch));
    await bare.close();
    await begun.close();
  });

  it('takes the steps of PEFT, and is saved as PEFT saves it converted', async () => {
    const { base, initial, recorded, constants } = await open(name);
    const truth = await readFixtureJson<Curve>(`${name}-run`, 'expected.json');
    const values = new Map([...adapterParameters(initial)].map(([parameter, data]) => [parameter, data.slice()]));
    const step = await createTrainStep(residual(base.base, initial), { threads: 1 });
    const fed = new Map([...values, ...constants]);
    const curve = await trainRecorded(step, fed, recorded);
    await step.close();
    expect(worstDifference(curve.losses, truth.losses)).toBeLessThan(lossBound);

    const theirs = await readAdapterFolder(fixturePath(`${name}-run`, 'final'));
    const config = convertedConfig({ ...initial.config, init_lora_weights: name });
    for (const key of ['r', 'lora_alpha', 'use_rslora', 'init_lora_weights'] as const)
      expect(config[key], key).toEqual(theirs.config[key]);
    const ours = convertedAdapter(initial, values);
    expect(frobeniusDistance(updates(ours), updates(theirs))).toBeLessThan(updateBound);
    const forgotten = { ...initial, modules: withValues(initial, values) };
    expect(frobeniusDistance(updates(forgotten), updates(theirs)), 'saved without conversion').toBeGreaterThan(0.5);
  });
});

it('with dropout only what is trained is dropped: what was taken from the base is missing for all of x', async () => {
  const { base, initial, recorded, constants } = await open('pissa');
  const batch = batchOf(recorded.batches[0]?.[0] ?? { input_ids: [], labels: [] });
  const values = new Map([...adapterParameters(initial), ...constants]);
  // B = 0: nothing is trained yet, so masks change nothing, and the model is what the factors left of the base
  for (const [name, data] of values)
    if (name.endsWith('.lora_B') && !name.startsWith('initial'))
      values.set(
        name,
        data.map(() => 0),
      );
  const losses: number[] = [];
  for (const [dropout, seed] of [
    [0, 0],
    [0.5, 1],
    [0.5, 2],
  ] as const) {
    const step = await createTrainStep(residual(base.base, initial, dropout), { threads: 1 });
    losses.push((await step.run(values, batch, { lossScale: 1, seed })).lossSum);
    await step.close();
  }
  expect(new Set(losses).size).toBe(1);
});

async function open(name: string) {
  const folder = `${name}-run`;
  const recorded = await readFixtureJson<RecordedRun>(folder, 'run.json');
  const base = tunedModel(await openBaseModel(fixturePath(recorded.base ?? '', 'base')));
  const initial = await readAdapterFolder(fixturePath(folder, 'initial'));
  const constants = new Map([...adapterParameters(initial)].map(([factor, data]) => [initialName(factor), data]));
  return { base, initial, recorded, constants };
}

const residual = (base: Awaited<ReturnType<typeof openBaseModel>>, { modules }: LoraAdapter, dropout = 0) =>
  tunedModel(base, (known) => loraMethod(known, [...modules.values()], { takesFromBase: true, dropout }));

async function firstFactors(name: string): Promise<ReadonlyMap<string, Float32Array>> {
  const { base, initial } = await open(name);
  const config = { ...initial.config, init_lora_weights: name };
  const targets = [...initial.modules.values()];
  return initialLora({ base: base.base, model: base, saved: [], config, targets, seed: 1 }, () => undefined);
}

function withValues({ modules }: LoraAdapter, values: ReadonlyMap<string, Float32Array>): Map<string, LoraModule> {
  return new Map(
    [...modules].map(([module, own]) => {
      const [A, B] = [values.get(loraA(module)), values.get(loraB(module))];
      if (!A || !B) throw new Error(`${module} was not trained`);
      return [module, { ...own, A, B }];
    }),
  );
}

function convertedAdapter(initial: LoraAdapter, values: ReadonlyMap<string, Float32Array>): LoraAdapter {
  const modules = [...withValues(initial, values)].map(
    ([module, own]) => [module, convertedModule(own, initial.modules.get(module) ?? own)] as const,
  );
  return { ...initial, modules: new Map(modules) };
}

const productOf = (module: LoraModule): number[] => updates({ modules: new Map([[module.module, module]]) });
