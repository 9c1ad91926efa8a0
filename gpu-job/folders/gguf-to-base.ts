import { join } from 'node:path';
import { DomainError } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import type { ByteSource } from '../../shared/formats/bytes.ts';
import { decodeToFloat32, encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import { readGgufHeader, type GgufHeader } from '../../shared/formats/gguf-header.ts';
import { llamaFromGguf, ropeFactorsTensor, unpermuteHeads, type LlamaTensor } from '../../shared/formats/gguf-llama.ts';
import { readGgufTensor } from '../../shared/formats/gguf-read.ts';
import { tokenizerFromGguf } from '../../shared/formats/gguf-tokenizer.ts';
import { singleModelFileName } from '../../shared/formats/model-index.ts';
import { writeSafetensors, type TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { writeFileAtomic, writeFolderAtomic } from './files.ts';

/**
 * Converts a GGUF file of a Llama model into a base model folder: weights, config, tokenizer and chat template.
 * Quantised values are decoded as they are, so the folder holds the model that llama.cpp runs, not the one it was quantised
 * from. Holds one tensor at a time; the folder appears complete or not at all. Throws `DomainError` with all findings.
 */
export async function ggufToBase(
  ggufPath: string,
  folder: string,
  options: { readonly dtype?: FloatDtype; readonly replace?: boolean } = {},
): Promise<void> {
  const { dtype = 'F32', replace = false } = options;
  const source = await openFileSource(ggufPath);
  try {
    const header = await readGgufHeader(source);
    const model = llamaFromGguf(header, source.name, await readRopeFactors(source, header));
    const vocabSize = model.config['vocab_size'] as number; // written by llamaFromGguf
    const { tokenizerJson, tokenizerConfig, tokenIds } = tokenizerFromGguf(header.metadata, vocabSize, source.name);
    const tensors = model.tensors.map((tensor) => toWrite(source, tensor, dtype));
    const context = { model_max_length: model.config['max_position_embeddings'] };
    const documents: Record<string, unknown> = {
      'config.json': { ...model.config, ...tokenIds, torch_dtype: torchNames[dtype] },
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
