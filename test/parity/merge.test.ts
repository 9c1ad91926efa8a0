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
async function merge(name: string, ...base: string[]): Promise<BaseModelFolder> {
  const output = join(folder, name);
  const adapter = fixturePath('llama-tiny', 'adapter');
  const spec = mergeSpecSchema.parse({ kind: 'merge', base: fixturePath(...base), adapter, output, threads: 1 });
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
  const step = await createEvalStep(tunedModel(merged), { threads: 1 });
  const inputs = await readFixtureJson<HuggingFaceInputs>('llama-tiny', 'inputs.json');
  const logits = await step.logits(new Map(), batchOf(inputs));
  await step.close();
  const truth = (await readFixtureTensors('llama-tiny', 'expected.safetensors')).get('adapted_logits');
  expect(relativeDeviation(logits, truth?.values ?? [])).toBeLessThan(1e-4);
});

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
