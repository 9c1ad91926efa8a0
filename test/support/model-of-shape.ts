import { baseOfShape } from '../../gpu-job/methods/base-of-shape.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';

/** A model with LoRA on all linear modules of which there is no file: its graphs can be written and counted, not run. */
export function loraModelOfShape(
  config: Readonly<Record<string, unknown>>,
  {
    dtype = 'F32',
    rank = 16,
    dropout = 0,
    head = false,
  }: {
    readonly dtype?: 'F32' | 'BF16';
    readonly rank?: number;
    readonly dropout?: number;
    /** Whether the output embedding has an adapter, too. */
    readonly head?: boolean;
  } = {},
): TunedModel {
  return tunedModel(baseOfShape(config, dtype), (tunable) =>
    loraMethod(
      tunable,
      [...tunable.linears, ...(head ? [tunable.embeddings.output] : [])].map(({ module }) => ({
        module,
        r: rank,
        scaling: 2,
      })),
      { dropout },
    ),
  );
}
