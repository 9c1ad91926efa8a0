import { invariant } from '../../shared/errors.ts';
import type { LoraConfig } from '../../shared/methods/lora.ts';
import { readTensorFloat32, type BaseModelFolder } from '../folders/base-model.ts';
import { embedding, loraInitialisation } from './initialisations.ts';
import { initialName, loraA, loraB, type LoraTarget } from './lora-variant.ts';
import { loraVariant } from './lora-variants.ts';
import type { Parameter, TunableModel } from './method.ts';

/** A run of LoRA that is about to begin. */
export interface InitialLora {
  readonly base: BaseModelFolder;
  readonly model: TunableModel;
  /** Tensors that are trained whole. */
  readonly saved: readonly Parameter[];
  readonly config: LoraConfig;
  readonly targets: readonly LoraTarget[];
  readonly seed: number;
}

/** First values of everything that the method of a run is fed, by name. `onModule` is told how many modules are done where that takes time. */
export async function initialLora(
  { base, model, saved, config, targets, seed }: InitialLora,
  onModule: (done: number) => void,
): Promise<Map<string, Float32Array>> {
  const initialisation = loraInitialisation(config.init_lora_weights);
  const { takesFromBase } = initialisation;
  const values = new Map<string, Float32Array>();
  const { input, output } = model.embeddings;
  for (const [i, target] of targets.entries()) {
    const linear = [...model.linears, input, output].find(({ module }) => module === target.module);
    invariant(linear, `${target.module} was selected among the modules of the model`);
    const { A, B } = await (linear === input ? embedding : initialisation).factors({ base, target, linear, seed });
    for (const [name, factor] of [
      [loraA(target.module), A],
      [loraB(target.module), B],
    ] as const) {
      values.set(name, factor);
      if (takesFromBase) values.set(initialName(name), factor.slice());
    }
    if (takesFromBase) onModule(i + 1);
  }
  for (const { name } of saved)
    values.set(name, await readTensorFloat32(base, base.tensors.has(name) ? name : `${input.module}.weight`));
  for (const [name, own] of await loraVariant(config).initialValues(base, targets)) values.set(name, own);
  return values;
}
