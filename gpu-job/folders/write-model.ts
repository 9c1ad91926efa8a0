import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { refuseErrors, type Finding } from '../../shared/errors.ts';
import { encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import { encodeModelIndex, modelIndexFileName, planShards } from '../../shared/formats/model-index.ts';
import { writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import { writeFileAtomic, writeFolderAtomic } from './files.ts';

/** A whole model to be written. */
export interface ModelToWrite {
  /** Folder whose tokenizer, template and generation settings go with the model. */
  readonly base: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly values: Float32Array;
  }[];
  readonly dtype: FloatDtype;
  /** Further files, by name. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly maxShardBytes?: number;
}

/**
 * Writes a model folder in Hugging Face layout that appears complete or not at all. Throws `DomainError('model-unwritable')` when
 * values are not finite in the stored type.
 */
export async function writeModelFolder(path: string, model: ModelToWrite): Promise<void> {
  const { dtype } = model;
  const findings: Finding[] = model.tensors.flatMap(({ name, values }) =>
    values.every((value) => Number.isFinite(value) && Math.abs(value) <= largest[dtype])
      ? []
      : [{ severity: 'error', code: 'not-finite', where: name, message: `has values that are not finite in ${dtype}` }],
  );
  refuseErrors('model-unwritable', `The model cannot be written to ${path}:`, findings);
  const shards = planShards(
    model.tensors.map(({ name, shape, values }) => ({
      name,
      dtype,
      shape,
      bytes: () => Promise.resolve(encodeFromFloat32(dtype, values)),
    })),
    model.maxShardBytes ?? 5_000_000_000,
  );
  await writeFolderAtomic(path, async (folder) => {
    for (const name of (await readdir(model.base)).filter((file) => companion.test(file)))
      await copyFile(join(model.base, name), join(folder, name));
    for (const shard of shards)
      await writeFileAtomic(join(folder, shard.fileName), (sink) => writeSafetensors(sink, shard.tensors));
    if (shards.length > 1) await writeFileAtomic(join(folder, modelIndexFileName), encodeModelIndex(shards));
    const config = { ...model.config, torch_dtype: torchNames[dtype] };
    await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
    for (const [name, content] of Object.entries(model.files)) await writeFileAtomic(join(folder, name), content);
  });
}

/** Files that belong to a model besides its weights and its config. */
const companion =
  /^(tokenizer(_config)?\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|chat_template\.(jinja|json)|generation_config\.json|LICENSE.*|NOTICE.*)$/i;

/** Name of an element type in `config.json`. */
const torchNames: Readonly<Record<FloatDtype, string>> = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' };

/** Above these, rounding gives infinity. */
const largest: Readonly<Record<FloatDtype, number>> = {
  F32: 3.4028234663852886e38,
  BF16: 3.3961775292304e38,
  F16: 65519.99,
};
