import { join } from 'node:path';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { dtypeBytes, encodeFromFloat32, shapeSize, type Dtype, type FloatDtype } from '../../shared/formats/dtype.ts';
import { encodeModelIndex, modelIndexFileName, planShards } from '../../shared/formats/model-index.ts';
import { blocksMethod } from '../../shared/formats/packing.ts';
import type { TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { readTensorChunks } from '../../shared/formats/safetensors-read.ts';
import { openBaseModel, readTensorFloat32, type BaseModelFolder } from '../folders/base-model.ts';
import type { CheckpointTensor } from '../folders/checkpoint-tensor.ts';
import { writeFileAtomic, writeFolderAtomic } from '../folders/files.ts';
import { copyCompanionFiles } from '../merge/companion-files.ts';
import { tunedModel } from '../methods/tuned-model.ts';
import { isPacked } from '../methods/packed-product.ts';
import { fits, packTensors, type PackingChoice } from './packed-tensors.ts';

/** What became of a model's weights. */
export interface Quantized {
  readonly packed: number;
  readonly kept: number;
  /** |W - W'| / |W| over all packed weights, in the Frobenius norm. */
  readonly relativeError: number;
  readonly warnings: readonly Finding[];
}

/**
 * Packs the linear modules of a float model; embeddings, norms, biases and an output embedding of its own keep their type, as in QLoRA.
 * The folder appears complete or not at all. Throws `DomainError`.
 */
export async function quantizeFolder(
  path: string,
  output: string,
  choice: PackingChoice,
  onTensor: (done: number, total: number) => void = () => undefined,
): Promise<Quantized> {
  const base = await openBaseModel(path);
  if (isPacked(base))
    throw new DomainError('already-packed', `${path} is packed already: pack the model it was made of.`);
  const { linears } = tunedModel(base);
  const names = new Set(linears.map(({ module }) => `${module}.weight`));
  const warnings: Finding[] = [];
  const tensors: TensorToWrite[] = [];
  let [packed, squares, errorSquares] = [0, 0, 0];
  const skipped: string[] = [];
  for (const tensor of base.tensors.values()) {
    const { name, shape } = tensor;
    const [out, columns] = shape;
    if (!names.has(name) || out === undefined || columns === undefined) tensors.push(copied(base, tensor));
    else if (!fits(choice, [out, columns])) {
      skipped.push(name.replace(/\.weight$/, ''));
      tensors.push(copied(base, tensor));
    } else {
      const values = (): Promise<Float32Array> => finiteValues(base, name);
      const dtype = torchNames[tensor.dtype] ?? 'float32';
      const made = await packTensors(choice, { name, shape: [out, columns], dtype, values });
      tensors.push(...made.tensors);
      squares += made.squares;
      errorSquares += made.errorSquares;
      packed++;
      onTensor(packed, names.size);
    }
  }
  if (packed === 0)
    throw new DomainError('nothing-to-pack', `No weight of ${path} is made of whole blocks of ${choice.blockSize}.`);
  if (skipped.length > 0)
    warnings.push({
      severity: 'warning',
      code: 'not-packed',
      message: `${skipped.length} weights are not made of whole blocks and keep their type: ${skipped.slice(0, 3).join(', ')}`,
    });
  const section = choice.type === 'nf4' ? bitsandbytesSection(base.config, skipped) : { quant_method: blocksMethod };
  await writeModel(base, output, tensors, { ...base.config, quantization_config: section });
  const relativeError = Math.sqrt(errorSquares / squares);
  return { packed, kept: base.tensors.size - packed, relativeError, warnings };
}

/** Unpacks all weights of a packed model into one float type. Throws `DomainError`. */
export async function unpackFolder(
  path: string,
  output: string,
  dtype: FloatDtype,
): Promise<{ unpacked: number; kept: number }> {
  const base = await openBaseModel(path);
  if (!isPacked(base))
    throw new DomainError('not-packed', `The weights of ${path} are not packed: there is nothing to unpack.`);
  let unpacked = 0;
  const tensors = [...base.tensors.values()].map((tensor) => {
    if (!tensor.packed) return copied(base, tensor);
    unpacked++;
    const bytes = async (): Promise<Uint8Array> => encodeFromFloat32(dtype, await finiteValues(base, tensor.name));
    return { name: tensor.name, dtype, shape: tensor.shape, bytes };
  });
  const { quantization_config: _, ...config } = base.config;
  const named = { torch_dtype: torchNames[dtype], ...('dtype' in config ? { dtype: torchNames[dtype] } : {}) };
  await writeModel(base, output, tensors, { ...config, ...named });
  return { unpacked, kept: base.tensors.size - unpacked };
}

/** Bits that a packed weight takes on average, with scales and all, and that a value of the whole model takes. */
export async function bitsPerWeight(folder: string): Promise<{ readonly packed: number; readonly model: number }> {
  const base = await openBaseModel(folder);
  let [packedBits, packedValues, bits, values] = [0, 0, 0, 0];
  for (const { packed, shape, dtype } of base.tensors.values()) {
    const size = shapeSize(shape);
    const parts = packed?.parts ?? [];
    // tables that are the same for all weights are not counted
    const own = parts.slice(0, 3).reduce((sum, part) => sum + part.lengthBytes * 8, 0);
    if (packed) {
      packedBits += own;
      packedValues += size;
    }
    bits += packed ? own : size * dtypeBytes(dtype) * 8;
    values += size;
  }
  return { packed: packedBits / packedValues, model: bits / values };
}

async function writeModel(
  base: BaseModelFolder,
  output: string,
  tensors: readonly TensorToWrite[],
  config: Readonly<Record<string, unknown>>,
): Promise<void> {
  const shards = planShards(tensors, shardBytesMax);
  await writeFolderAtomic(output, async (folder) => {
    await copyCompanionFiles(base.path, folder);
    for (const shard of shards)
      await writeFileAtomic(join(folder, shard.fileName), (sink) => writeSafetensors(sink, shard.tensors));
    if (shards.length > 1) await writeFileAtomic(join(folder, modelIndexFileName), encodeModelIndex(shards));
    await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  });
}

function copied(base: BaseModelFolder, tensor: CheckpointTensor): TensorToWrite {
  return {
    name: tensor.name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    async *bytes() {
      const source = await openFileSource(join(base.path, tensor.file));
      try {
        yield* readTensorChunks(source, tensor);
      } finally {
        await source.close();
      }
    },
  };
}

async function finiteValues(base: BaseModelFolder, name: string): Promise<Float32Array> {
  const values = await readTensorFloat32(base, name);
  const at = values.findIndex((value) => !(Math.abs(value) <= largestScale));
  const message = `value ${at} is ${values[at]}, which has no scale in float16`;
  refuseErrors(
    'not-finite',
    'The model cannot be written:',
    at < 0 ? [] : [{ severity: 'error', code: 'not-finite', where: name, message }],
  );
  return values;
}

/** What transformers reads; it packs every linear module but the output embedding and those that are named. */
function bitsandbytesSection(config: Readonly<Record<string, unknown>>, skipped: readonly string[]) {
  return {
    quant_method: 'bitsandbytes',
    _load_in_4bit: true,
    _load_in_8bit: false,
    load_in_4bit: true,
    load_in_8bit: false,
    bnb_4bit_quant_type: 'nf4',
    bnb_4bit_use_double_quant: true,
    bnb_4bit_quant_storage: 'uint8',
    bnb_4bit_compute_dtype: config['torch_dtype'] ?? config['dtype'] ?? 'float32',
    llm_int8_skip_modules: ['lm_head', ...skipped],
  };
}

/** Values above have steps that float16 does not know. */
const largestScale = 65_504;
const shardBytesMax = 5_000_000_000;

/** Name of an element type in `config.json`. */
const torchNames: Partial<Readonly<Record<Dtype, string>>> = {
  F32: 'float32',
  BF16: 'bfloat16',
  F16: 'float16',
  F64: 'float64',
};
