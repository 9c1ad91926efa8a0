import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { bytesSource } from '../../shared/formats/bytes.ts';
import { readSafetensorsHeader } from '../../shared/formats/safetensors-read.ts';
import type { World } from '../../shared/platform/ports.ts';
import { putBaseTensors } from '../../shared/records/base-tensors.ts';
import { baseWrite, type BaseRecord } from '../../shared/records/bases.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import { newId } from '../../shared/records/commit.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';

const folder = new URL('../../examples/tiny-base/', import.meta.url);

/** `examples/tiny-base` as an import leaves it, written at once: for tests that need a base and not its import. */
export async function putReadyBase(world: World, team: string, name = 'tiny'): Promise<BaseRecord> {
  const id = newId(world, 'bas');
  const files: StoredFile[] = [];
  for (const path of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']) {
    const bytes = await readFile(new URL(path, folder));
    const { key, versionId } = await world.blobs.put(blobKeys.baseFile(team, id, path), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    files.push({ path, sizeBytes: bytes.byteLength, sha256, blob: { key, versionId } });
  }
  const weights = await readFile(new URL('model.safetensors', folder));
  const { tensors } = await readSafetensorsHeader(bytesSource(weights));
  const index = [...tensors.values()].map(({ name: tensor, dtype, shape }) => ({
    name: tensor,
    dtype,
    shape: [...shape],
  }));
  const base: BaseRecord = {
    id,
    team,
    name,
    state: 'ready',
    description: '',
    architecture: 'LlamaForCausalLM',
    parameters: 1,
    contextTokens: 512,
    dtypes: ['F32'],
    hasChatTemplate: true,
    files,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    sha256: '0'.repeat(64),
    source: { kind: 'local' },
    lineage: { origin: 'import' },
    findings: [],
    createdAt: new Date(world.now()).toISOString(),
    createdBy: 'test',
    tensors: await putBaseTensors(world, { team, id }, index),
    uploadId: null,
  };
  await world.table.transact([baseWrite(base)], { token: newId(world, 'tok') });
  return base;
}
