import { join } from 'node:path';
import { DomainError, invariant } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import type { ByteSource } from '../../shared/formats/bytes.ts';
import { decodeToFloat32, encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import { ggufPacking, splitGgufBlocks, type GgufBlocks } from '../../shared/formats/gguf-blocks.ts';
import { readGgufHeader, type GgufHeader } from '../../shared/formats/gguf-header.ts';
import { llamaFromGguf, ropeFactorsTensor, unpermuteHeads, type LlamaTensor } from '../../shared/formats/gguf-llama.ts';
import { readGgufTensor } from '../../shared/formats/gguf-read.ts';
import { tokenizerFromGguf } from '../../shared/formats/gguf-tokenizer.ts';
import { singleModelFileName } from '../../shared/formats/model-index.ts';
import { blocksMethod } from '../../shared/formats/packing.ts';
import { writeSafetensors, type TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { writeFileAtomic, writeFolderAtomic } from './files.ts';

/**
 * Converts a GGUF file of a Llama model into a base model folder: weights, config, tokenizer and chat template.
 * Quantised values are decoded as they are, so the folder holds the model that llama.cpp runs, not the one it was quantised
 * from. `packed`: the linear modules keep their blocks, where they are of a kind that is unpacked when it is used, and hold the same values.
 * Holds one tensor at a time; the folder appears complete or not at all. Throws `DomainError` with all findings.
 */
export async function ggufToBase(
  ggufPath: string,
  folder: string,
  options: { readonly dtype?: FloatDtype; readonly packed?: boolean; readonly replace?: boolean } = {},
): Promise<void> {
  const { dtype = 'F32', packed = false, replace = false } = options;
  const source = await openFileSource(ggufPath);
  try {
    const header = await readGgufHeader(source);
    const model = llamaFromGguf(header, source.name, await readRopeFactors(source, header));
    const vocabSize = model.config['vocab_size'] as number; // written by llamaFromGguf
    const { tokenizerJson, tokenizerConfig, tokenIds } = tokenizerFromGguf(header.metadata, vocabSize, source.name);
    const isKept = (tensor: LlamaTensor): boolean => packed && keepsBlocks(tensor);
    if (packed && !model.tensors.some(isKept))
      throw new DomainError(
        'nothing-packed',
        `${source.name} has no linear module in Q4_0, Q4_1 or Q8_0, so there are no blocks to keep: import it without.`,
      );
    const tensors = model.tensors.flatMap((tensor) =>
      isKept(tensor) ? packedToWrite(source, tensor) : [toWrite(source, tensor, dtype)],
    );
    const quantization = packed ? { quantization_config: { quant_method: blocksMethod } } : {};
    const context = { model_max_length: model.config['max_position_embeddings'] };
    const documents: Record<string, unknown> = {
      'config.json': { ...model.config, ...tokenIds, torch_dtype: torchNames[dtype], ...quantization },
      'generation_config.json': tokenIds,
      'tokenizer.json': tokenizerJson,
      'tokenizer_config.json': { ...tokenizerConfig, ...context },
    };
    const fill = async (temporary: string): Promise<void> => {
      await writeFileAtomic(join(temporary, singleModelFileName), (sink) => writeSafetensors(sink, tensors));
      for (const [name, content] of Object.entries(documents))
        await writeFileAtomic(join(temporary, name), `${JSON.stringify(content, undefined, 2)}\n`);
    };
    await writeFolderAtomic(folder, fill, { replace });
  } finally {
    await source.close();
  }
}

const torchNames: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

async function readRopeFactors(source: ByteSource, header: GgufHeader): Promise<Float32Array | undefined> {
  const tensor = header.tensors.get(ropeFactorsTensor);
  return tensor && readGgufTensor(source, tensor);
}

/** Embeddings, tied ones too, are looked up as well as multiplied, and are decoded. */
const keepsBlocks = ({ name, source }: LlamaTensor): boolean =>
  name.startsWith('model.layers.') && ggufPacking(source.type.name) !== undefined;

/** The parts of a packed weight; each reads the blocks anew, so that no more than one tensor is in memory. */
function packedToWrite(
  source: ByteSource,
  { name, shape, source: stored, permutedHeads }: LlamaTensor,
): TensorToWrite[] {
  const [rows, columns] = shape;
  const packing = ggufPacking(stored.type.name);
  invariant(rows && columns && packing, `${name} is a matrix in blocks`);
  const { bits, blockSize, offset } = packing;
  const blocks = columns / blockSize;
  const part = async (of: keyof GgufBlocks): Promise<Uint8Array> => {
    const bytes = await source.read(stored.offset, stored.lengthBytes);
    const ordered = permutedHeads === undefined ? bytes : unpermuteHeads(bytes, permutedHeads, bytes.length / rows);
    return splitGgufBlocks(stored.type.name, ordered)[of] ?? new Uint8Array();
  };
  const perBlock = (suffix: 'scales' | 'mins'): TensorToWrite => ({
    name: `${name}.${suffix}`,
    dtype: 'F16',
    shape: [rows, blocks],
    bytes: () => part(suffix),
  });
  const codes: TensorToWrite = {
    name,
    dtype: bits === 4 ? 'U8' : 'I8',
    shape: [rows, blocks, (blockSize * bits) / 8],
    bytes: () => part('codes'),
  };
  return [codes, perBlock('scales'), ...(offset === 'mins' ? [perBlock('mins')] : [])];
}

function toWrite(source: ByteSource, tensor: LlamaTensor, dtype: FloatDtype): TensorToWrite {
  return {
    name: tensor.name,
    dtype,
    shape: tensor.shape,
    async bytes() {
      const stored = await readGgufTensor(source, tensor.source);
      const columns = tensor.shape[1] ?? 1;
      const values =
        tensor.permutedHeads === undefined ? stored : unpermuteHeads(stored, tensor.permutedHeads, columns);
      const bytes = encodeFromFloat32(dtype, values);
      const written = dtype === 'F32' ? values : decodeToFloat32(dtype, bytes);
      const at = written.findIndex((value) => !Number.isFinite(value));
      if (at >= 0)
        throw new DomainError(
          'gguf-values',
          `${source.name}: value ${at} of ${tensor.source.name} is ${values[at]}, which as ${dtype} is ${written[at]}.`,
        );
      return bytes;
    },
  };
}
