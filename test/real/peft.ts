import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createEvalStep } from '../../gpu-job/training/eval-graph.ts';
import { batchOf, readTensors, relativeDeviation } from '../parity/fixture.ts';
import { openAdapted } from '../parity/open-adapted.ts';
import { runCommand } from './command.ts';
import { places, scriptPath } from './places.ts';

/** transformers' own reading of the GGUF against our converted folder. */
export async function compareWithTransformersGguf() {
  return ggufAnswer.parse(await runReference('gguf', places.gguf, places.base));
}

const ggufAnswer = z.object({
  tensors: z.number(),
  missing: z.array(z.string()),
  worst: z.number(),
  worstTensor: z.string().nullable(),
});

/** Logits of base and adapted model, ours against those of transformers and PEFT, on the same token ids; ours from another folder where one is given. */
export async function compareWithPeft(
  baseFolder: string,
  adapterFolder: string,
  ids: readonly (readonly number[])[],
  ourBaseFolder: string = baseFolder,
): Promise<PeftComparison> {
  const { loraModules, truth } = await askPeft(baseFolder, adapterFolder, ids);
  const base = await openBaseModel(ourBaseFolder);
  const { model, parameters, adapter } = await openAdapted(base, adapterFolder);
  const deviation = async (name: string, tuned: TunedModel, values: ReadonlyMap<string, Float32Array>) => {
    const step = await createEvalStep(tuned);
    const logits = await step.logits(values, batchOf({ input_ids: ids, labels: ids }));
    await step.close();
    return relativeDeviation(logits, truth.get(name)?.values ?? []);
  };
  return {
    loraModules,
    ourModules: adapter.modules.size,
    base: await deviation('base', tunedModel(base), new Map()),
    adapted: await deviation('adapted', model, parameters),
    change: relativeDeviation(truth.get('adapted')?.values ?? [], truth.get('base')?.values ?? [1]),
  };
}

/** Logits of PEFT with one adapter against those with another, relative to the largest, and how much the first changes. */
export async function compareInPeft(
  baseFolder: string,
  adapters: readonly [string, string],
  ids: readonly (readonly number[])[],
): Promise<{ readonly deviation: number; readonly change: number }> {
  const [one, other] = [await askPeft(baseFolder, adapters[0], ids), await askPeft(baseFolder, adapters[1], ids)];
  const logits = ({ truth }: typeof one, name: string): Float32Array => truth.get(name)?.values ?? new Float32Array();
  return {
    deviation: relativeDeviation(logits(other, 'adapted'), logits(one, 'adapted')),
    change: relativeDeviation(logits(one, 'adapted'), logits(one, 'base')),
  };
}

async function askPeft(baseFolder: string, adapterFolder: string, ids: readonly (readonly number[])[]) {
  const idsFile = join(places.cache, 'ids.json');
  const out = join(places.cache, 'peft-logits.safetensors');
  await writeFile(idsFile, JSON.stringify(ids));
  const { loraModules } = z
    .object({ loraModules: z.number() })
    .parse(await runReference('logits', baseFolder, adapterFolder, idsFile, out));
  return { loraModules, truth: await readTensors(out) };
}

/** Deviations are relative to the largest logit, see `relativeDeviation`. */
export interface PeftComparison {
  /** Modules that PEFT has put the adapter on. */
  readonly loraModules: number;
  readonly ourModules: number;
  readonly base: number;
  readonly adapted: number;
  /** How much the adapter changes: equality would say little about an adapter that does nothing. */
  readonly change: number;
}

async function runReference(...args: string[]): Promise<unknown> {
  const output = await runCommand(places.python, [scriptPath('reference.py'), ...args]);
  return JSON.parse(output.trim().split('\n').at(-1) ?? ''); // the last line; libraries may print before it
}
