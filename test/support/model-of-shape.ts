import type { CheckpointTensor } from '../../gpu-job/folders/checkpoint-tensor.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { describeModel, tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { dtypeBytes, shapeSize } from '../../shared/formats/dtype.ts';

/** A model with LoRA on all linear modules of which there is no file: its graphs can be written and counted, not run. */
export function loraModelOfShape(
  config: Readonly<Record<string, unknown>>,
  {
    dtype = 'F32',
    rank = 16,
    dropout = 0,
  }: { readonly dtype?: 'F32' | 'BF16'; readonly rank?: number; readonly dropout?: number } = {},
): TunedModel {
  const file = 'model.safetensors';
  const tensors = describeModel(config).tensors.map(({ name, shape }): [string, CheckpointTensor] => {
    const lengthBytes = shapeSize(shape) * dtypeBytes(dtype);
    return [name, { name, dtype, shape, offset: 0, lengthBytes, file }];
  });
  const base = { path: '', config, tensors: new Map(tensors), files: [file], warnings: [] };
  return tunedModel(base, (tunable) =>
    loraMethod(
      tunable,
      tunable.linears.map(({ module }) => ({ module, r: rank, scaling: 2 })),
      { dropout },
    ),
  );
}
