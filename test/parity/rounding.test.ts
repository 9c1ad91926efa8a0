import { expect, it } from 'vitest';
import { openFileSource } from '../../shared/files/file-source.ts';
import { decodeToFloat32, encodeFromFloat32 } from '../../shared/formats/dtype.ts';
import { readSafetensorsHeader, readTensor } from '../../shared/formats/safetensors-read.ts';
import { fixturePath } from './fixture.ts';

it.each(['BF16', 'F16'] as const)('torch rounds float32 to %s as we do', async (dtype) => {
  const source = await openFileSource(fixturePath('rounding', 'vectors.safetensors'));
  const header = await readSafetensorsHeader(source);
  const read = async (name: string): Promise<Uint8Array> => {
    const entry = header.tensors.get(name);
    if (!entry) throw new Error(`the recorder wrote no tensor ${name}`);
    return await readTensor(source, entry);
  };
  const values = decodeToFloat32('F32', await read('f32'));
  const truth = decodeToFloat32(dtype, await read(dtype.toLowerCase()));
  const ours = decodeToFloat32(dtype, encodeFromFloat32(dtype, values));
  await source.close();
  expect(values.length).toBeGreaterThan(3000);
  const different = [...values].filter((_, i) => !Object.is(ours[i], truth[i]));
  expect(different).toEqual([]);
});
