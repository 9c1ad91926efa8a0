import { writeAdapterFolder, type LoraModule } from '../../gpu-job/folders/adapter.ts';
import { parseLoraConfig } from '../../shared/methods/lora-config-file.ts';
import { loraRank, loraScaling, type LoraConfig } from '../../shared/methods/lora.ts';
import { uniform } from './random-base.ts';

/** Inputs and outputs of a module. */
export type ModuleSizes = Readonly<Record<string, readonly [inFeatures: number, outFeatures: number]>>;

/** An adapter with values uniform in [-spread, spread]; ranks and scalings are those of the config. */
export function randomAdapter(
  modules: ModuleSizes,
  config: Readonly<Record<string, unknown>> = {},
  options: { readonly seed?: number; readonly spread?: number } = {},
): { config: LoraConfig; modules: LoraModule[] } {
  const { seed = 1, spread = 1 } = options;
  const random = uniform(seed);
  const values = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => spread * (2 * random() - 1));
  const parsed = parseLoraConfig({ r: 2, lora_alpha: 4, target_modules: Object.keys(modules), ...config });
  return {
    config: parsed,
    modules: Object.entries(modules).map(([module, [inFeatures, outFeatures]]) => {
      const r = loraRank(parsed, module);
      const scaling = loraScaling(parsed, module);
      const factors = { A: values(r * inFeatures), B: values(outFeatures * r) };
      const magnitude = parsed.use_dora ? { magnitude: values(outFeatures).map((value) => spread + value) } : {};
      return { module, r, inFeatures, outFeatures, scaling, ...factors, ...magnitude };
    }),
  };
}

export async function writeRandomAdapter(folder: string, ...from: Parameters<typeof randomAdapter>): Promise<void> {
  await writeAdapterFolder(folder, randomAdapter(...from));
}
