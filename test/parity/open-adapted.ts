import { readAdapterFolder, type LoraAdapter } from '../../gpu-job/folders/adapter.ts';
import type { BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { adaptedModel, type AdaptedModel } from '../../gpu-job/methods/adapted-model.ts';

/** Opens an adapter folder on a base. `rescale` multiplies every scaling: 1 unless a test plants a fault. */
export async function openAdapted(
  base: BaseModelFolder,
  folder: string,
  rescale = 1,
): Promise<AdaptedModel & { readonly adapter: LoraAdapter }> {
  const adapter = await readAdapterFolder(folder);
  const modules = [...adapter.modules].map(
    ([name, module]) => [name, { ...module, scaling: module.scaling * rescale }] as const,
  );
  return { adapter, ...adaptedModel(base, { ...adapter, modules: new Map(modules) }) };
}
