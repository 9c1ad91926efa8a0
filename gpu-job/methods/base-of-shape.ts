import { dtypeBytes, shapeSize } from '../../shared/formats/dtype.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import type { CheckpointTensor } from '../folders/checkpoint-tensor.ts';
import { describeModel } from './tuned-model.ts';

/** A base in the shape of a config of which there is no file: its graphs can be written and counted, not run. */
export function baseOfShape(config: Readonly<Record<string, unknown>>, dtype: 'F32' | 'BF16' = 'F32'): BaseModelFolder {
  const file = 'model.safetensors';
  const tensors = describeModel(config).tensors.map(({ name, shape }): [string, CheckpointTensor] => {
    const lengthBytes = shapeSize(shape) * dtypeBytes(dtype);
    return [name, { name, dtype, shape, offset: 0, lengthBytes, file }];
  });
  return { path: '', config, tensors: new Map(tensors), files: [file], warnings: [] };
}
