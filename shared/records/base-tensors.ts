import { z } from 'zod';
import { isDtype, type Dtype } from '../formats/dtype.ts';
import type { BlobRef, World } from '../platform/ports.ts';
import { blobKeys } from './blob-keys.ts';

const baseTensorsSchema = z.object({
  tensors: z.array(
    z.object({
      name: z.string(),
      dtype: z.custom<Dtype>((value) => typeof value === 'string' && isDtype(value)),
      shape: z.array(z.int()),
    }),
  ),
});

/** Name, element type and shape of every tensor of a base, as its files say. */
export type BaseTensors = z.output<typeof baseTensorsSchema>['tensors'];

/** Keeps them where all who check something against a base find them: large models have thousands. */
export async function putBaseTensors(
  { blobs }: Pick<World, 'blobs'>,
  { team, id }: { readonly team: string; readonly id: string },
  tensors: BaseTensors,
): Promise<BlobRef> {
  const { key, versionId } = await blobs.put(blobKeys.baseTensors(team, id), Buffer.from(JSON.stringify({ tensors })));
  return { key, versionId };
}

export async function readBaseTensors({ blobs }: Pick<World, 'blobs'>, ref: BlobRef): Promise<BaseTensors> {
  return baseTensorsSchema.parse(await readJsonBlob({ blobs }, ref)).tensors;
}

/** A JSON document that the platform has written. */
export async function readJsonBlob({ blobs }: Pick<World, 'blobs'>, ref: BlobRef): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.stream(ref)) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString());
}
