import { readAdapterFolder, type LoraAdapter } from '../../gpu-job/folders/adapter.ts';
import type { BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { loraA, loraB, loraMethod } from '../../gpu-job/methods/lora.ts';
import { tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';

/** A base with one adapter around it, and the adapter's weights as parameters. */
export interface Adapted {
  readonly model: TunedModel;
  readonly parameters: Map<string, Float32Array>;
  readonly adapter: LoraAdapter;
}

/** Opens an adapter folder on a base. `rescale` multiplies every scaling: 1 unless a test plants a fault. */
export async function openAdapted(base: BaseModelFolder, folder: string, rescale = 1): Promise<Adapted> {
  const adapter = await readAdapterFolder(folder);
  const modules = [...adapter.modules.values()];
  const targets = modules.map(({ module, r, scaling }) => ({ module, r, scaling: scaling * rescale }));
  const parameters = new Map(
    modules.flatMap(({ module, A, B }) => [[loraA(module), A] as const, [loraB(module), B] as const]),
  );
  return { adapter, parameters, model: tunedModel(base, (model) => loraMethod(model, targets)) };
}
