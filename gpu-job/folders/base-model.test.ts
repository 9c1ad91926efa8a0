import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../shared/errors.ts';
import { encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import { encodeModelIndex, planShards } from '../../shared/formats/model-index.ts';
import { writeSafetensors, type TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { openBaseModel, readTensorFloat32 } from './base-model.ts';
import { writeFileAtomic } from './files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'base-'));
});
afterEach(() => rm(folder, { recursive: true }));

const inFolder = (name: string): string => join(folder, name);

function tensor(name: string, values: number[], dtype: FloatDtype = 'F32'): TensorToWrite {
  const bytes = encodeFromFloat32(dtype, Float32Array.from(values));
  return { name, dtype, shape: [values.length], bytes: () => Promise.resolve(bytes) };
}

async function writeWeights(name: string, tensors: TensorToWrite[]): Promise<void> {
  await writeFileAtomic(inFolder(name), (sink) => writeSafetensors(sink, tensors));
}

async function findingsOf(): Promise<string[]> {
  try {
    await openBaseModel(folder);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('base-model-malformed');
    return error.findings.map((finding) => `${finding.where}: ${finding.code}`);
  }
}

describe('openBaseModel refuses', () => {
  it('a folder that is not there, and a file in its place', async () => {
    await expect(openBaseModel(inFolder('none'))).rejects.toMatchObject({ code: 'folder-missing' });
    await writeFile(inFolder('f'), '');
    await expect(openBaseModel(inFolder('f'))).rejects.toThrow(/is a file; the model's folder is needed/);
  });

  it('an empty folder, naming both things it lacks', async () => {
    expect(await findingsOf()).toEqual(['config.json: file-missing', 'model.safetensors.index.json: no-weights']);
  });

  it('pickles, a GGUF and an adapter, each by name', async () => {
    await writeFile(inFolder('config.json'), '{}');
    await writeFile(inFolder('m.gguf'), '');
    await expect(openBaseModel(folder)).rejects.toThrow(/convert m\.gguf to a folder/);
    await writeFile(inFolder('pytorch_model.bin'), '');
    await expect(openBaseModel(folder)).rejects.toThrow(/pytorch_model\.bin are Python pickles/);
    await rm(inFolder('config.json'));
    await writeFile(inFolder('adapter_config.json'), '{}');
    await expect(openBaseModel(folder)).rejects.toThrow(/give the folder of its base model/);
  });

  it('a config that is broken or is no object', async () => {
    await writeWeights('model.safetensors', [tensor('a', [1])]);
    await writeFile(inFolder('config.json'), '{');
    expect(await findingsOf()).toEqual(['config.json: not-json']);
    await writeFile(inFolder('config.json'), '[]');
    expect(await findingsOf()).toEqual(['config.json: not-an-object']);
  });

  it('everything wrong in all files at once', async () => {
    await writeFile(inFolder('config.json'), '[]');
    const index = { weight_map: { a: '1.safetensors', b: '1.safetensors', c: '2.safetensors', d: '3.safetensors' } };
    await writeFile(inFolder('model.safetensors.index.json'), JSON.stringify(index));
    await writeWeights('1.safetensors', [tensor('a', [1])]);
    await writeWeights('3.safetensors', [tensor('a', [1]), tensor('d', [1])]);
    expect(await findingsOf()).toEqual([
      'config.json: not-an-object',
      '1.safetensors: tensor-not-in-file',
      '2.safetensors: file-missing',
      '3.safetensors: tensor-in-two-files',
      '3.safetensors: tensor-not-in-index',
    ]);
  });

  it('a damaged shard, with its own findings', async () => {
    await writeFile(inFolder('config.json'), '{}');
    await writeFile(inFolder('model.safetensors'), 'nonsense nonsense');
    await expect(openBaseModel(folder)).rejects.toThrow(/model\.safetensors: its header claims/);
  });
});

describe('openBaseModel', () => {
  it('reads tensors of a single file, preferring it to an index beside it', async () => {
    await writeFile(inFolder('config.json'), '{"model_type":"llama"}');
    await writeFile(inFolder('model.safetensors.index.json'), '{"weight_map":{"a":"gone.safetensors"}}');
    await writeWeights('model.safetensors', [tensor('a', [1.5, -2], 'BF16'), tensor('b', [0.1], 'F16')]);
    const base = await openBaseModel(folder);
    expect(base.config).toEqual({ model_type: 'llama' });
    expect(base.files).toEqual(['model.safetensors']);
    expect([...(await readTensorFloat32(base, 'a'))]).toEqual([1.5, -2]);
    expect((await readTensorFloat32(base, 'b'))[0]).toBeCloseTo(0.1, 4);
    await expect(readTensorFloat32(base, 'c')).rejects.toMatchObject({ code: 'tensor-missing' });
  });

  it('reads tensors of several files', async () => {
    await writeFile(inFolder('config.json'), '{}');
    const shards = planShards([tensor('a', [1]), tensor('b', [2, 3])], 8);
    await writeFile(inFolder('model.safetensors.index.json'), encodeModelIndex(shards));
    for (const shard of shards) await writeWeights(shard.fileName, [...shard.tensors]);
    const base = await openBaseModel(folder);
    expect(base.files).toEqual(['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']);
    expect(base.warnings).toEqual([]);
    expect([...(await readTensorFloat32(base, 'b'))]).toEqual([2, 3]);
  });

  it('only warns of a tensor that its index forgot', async () => {
    await writeFile(inFolder('config.json'), '{}');
    await writeFile(inFolder('model.safetensors.index.json'), '{"weight_map":{"a":"x.safetensors"}}');
    await writeWeights('x.safetensors', [tensor('a', [1]), tensor('b', [1])]);
    const base = await openBaseModel(folder);
    expect(base.warnings.map((finding) => finding.code)).toEqual(['tensor-not-in-index']);
    expect([...base.tensors.keys()]).toEqual(['a', 'b']);
  });
});
