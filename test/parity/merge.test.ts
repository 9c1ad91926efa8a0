import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBaseModel, type BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { runMerge } from '../../gpu-job/jobs/merge.ts';
import { tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createEvalStep } from '../../gpu-job/training/eval-graph.ts';
import { mergeSpecSchema } from '../../shared/contract/specs/merge.ts';
import {
  batchOf,
  fixturePath,
  readFixtureJson,
  readFixtureTensors,
  readTensors,
  relativeDeviation,
  type HuggingFaceInputs,
} from './fixture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-parity-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Merges llama-tiny's adapter into one of the recorded bases. */
const merge = (name: string, ...base: string[]): Promise<BaseModelFolder> =>
  mergeInto(fixturePath(...base), fixturePath('llama-tiny', 'adapter'), name);

async function mergeInto(base: string, adapter: string, name: string): Promise<BaseModelFolder> {
  const output = join(folder, name);
  const spec = mergeSpecSchema.parse({ kind: 'merge', base, adapter, output, threads: 1 });
  await runMerge(spec, { emit() {}, stopRequested: () => false, now: () => performance.now() });
  return await openBaseModel(output);
}

it('a float32 base gets the weights of merge_and_unload, and the logits of the adapter', async () => {
  const merged = await merge('f32', 'llama-tiny', 'base');
  const ours = await readTensors(join(merged.path, 'model.safetensors'));
  const theirs = await readFixtureTensors('merge', 'f32.safetensors');
  expect(theirs.size).toBe(14);
  const base = await readFixtureTensors('llama-tiny', 'base', 'model.safetensors');
  for (const [name, { values }] of theirs)
    expect(relativeDeviation(ours.get(name)?.values ?? [], values), name).toBeLessThan(1e-6);
  for (const [name, { values }] of base)
    if (!theirs.has(name)) expect(ours.get(name)?.values, name).toEqual(values);
    else expect(relativeDeviation(ours.get(name)?.values ?? [], values), `${name} has changed`).toBeGreaterThan(1e-2);
  expect(await awayFromAdapted(merged, 'llama-tiny')).toBeLessThan(1e-4);
});

it.each(['qwen3-yarn', 'smollm3-tiny', 'gemma3-tiny', 'phi3-long'])(
  '%s has the logits of its adapter once that is merged',
  async (name) => {
    const merged = await mergeInto(fixturePath(name, 'base'), fixturePath(name, 'adapter'), name);
    expect(await awayFromAdapted(merged, name)).toBeLessThan(1e-4);
    expect(await awayFromAdapted(await openBaseModel(fixturePath(name, 'base')), name)).toBeGreaterThan(1e-2);
  },
);

/** How far the logits of a model are from those that PEFT has with the adapter. */
async function awayFromAdapted(model: BaseModelFolder, name: string): Promise<number> {
  const step = await createEvalStep(tunedModel(model), { threads: 1 });
  const inputs = await readFixtureJson<HuggingFaceInputs>(name, 'inputs.json');
  const logits = await step.logits(new Map(), batchOf(inputs));
  await step.close();
  const truth = (await readFixtureTensors(name, 'expected.safetensors')).get('adapted_logits');
  return relativeDeviation(logits, truth?.values ?? []);
}

it('a bfloat16 base gets the weights of merge_and_unload, but for values in the middle between two', async () => {
  const merged = await merge('bf16', 'merge', 'base-bf16');
  const ours = await readTensors(join(merged.path, 'model.safetensors'));
  const theirs = await readFixtureTensors('merge', 'bf16.safetensors');
  let [different, count] = [0, 0];
  for (const [name, { values }] of theirs) {
    const mine = ours.get(name)?.values ?? new Float32Array();
    expect(merged.tensors.get(name)?.dtype).toBe('BF16');
    expect(mine.length).toBe(values.length);
    for (const [i, value] of values.entries()) {
      count++;
      if (mine[i] === value) continue;
      different++;
      // the neighbour: products summed in another order fell on the other side of the middle
      expect(Math.abs((mine[i] as number) - value)).toBeLessThanOrEqual(2 ** -7 * Math.abs(value));
    }
  }
  expect(different / count).toBeLessThan(1e-3);
});
