import { z } from 'zod';
import type { StoredAdapter } from '../domain/servability-facts.ts';
import type { World } from '../platform/ports.ts';
import { readBaseTensors, readJsonBlob } from './base-tensors.ts';
import type { ReadyBase } from './bases.ts';

const modelConfigSchema = z.looseObject({
  model_type: z.string().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
});

/** What an adapter is checked against: the tensors of its base, and what engines ask of its `config.json`. */
export async function baseFacts(
  world: Pick<World, 'blobs'>,
  { files, tensors }: ReadyBase,
): Promise<NonNullable<StoredAdapter['base']>> {
  const file = files.find(({ path }) => path === 'config.json');
  const config = modelConfigSchema.safeParse(file ? await readJsonBlob(world, file.blob) : {}).data;
  return {
    modelType: config?.model_type ?? null,
    tiedEmbeddings: config?.tie_word_embeddings ?? false,
    tensors: await readBaseTensors(world, tensors),
  };
}
