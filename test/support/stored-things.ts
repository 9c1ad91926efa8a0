import { readdir } from 'node:fs/promises';
import { describeBase } from '../../gpu-job/platform/describe-base.ts';
import { factsOf } from '../../gpu-job/platform/publish-base.ts';
import { storeFiles } from '../../gpu-job/platform/store-files.ts';
import type { World } from '../../shared/platform/ports.ts';
import { putBaseTensors } from '../../shared/records/base-tensors.ts';
import { baseWrite, type BaseRecord } from '../../shared/records/bases.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { commit, newId } from '../../shared/records/commit.ts';
import { datasetWrite, type DatasetRecord } from '../../shared/records/datasets.ts';
import { createHash } from 'node:crypto';

/** Keeps a model folder as a base that is ready, without the job that usually does it. */
export async function storeBase(world: World, caller: Caller, name: string, folder: string): Promise<BaseRecord> {
  const { team } = caller;
  const id = newId(world, 'bas');
  const paths = (await readdir(folder)).toSorted();
  const files = await storeFiles(world, folder, paths, (path) => blobKeys.baseFile(team, id, path));
  const facts = await describeBase(folder);
  const base: BaseRecord = {
    ...factsOf(facts, files),
    id,
    team,
    name,
    state: 'ready',
    description: '',
    source: { kind: 'local' },
    lineage: { origin: 'import' },
    createdAt: new Date(world.now()).toISOString(),
    createdBy: caller.keyId,
    tensors: await putBaseTensors(world, { team, id }, facts.tensors),
    uploadId: null,
  };
  await commit(world, caller, { action: 'base.create', resource: `bases/${name}` }, [baseWrite(base)]);
  return base;
}

/** Keeps rows of one format as a dataset that is ready. */
export async function storeDataset(
  world: World,
  caller: Caller,
  name: string,
  rows: readonly object[],
  format: DatasetRecord['format'] = 'prompt-completion',
): Promise<DatasetRecord> {
  const { team } = caller;
  const id = newId(world, 'dat');
  const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const { key, versionId } = await world.blobs.put(blobKeys.datasetFile(team, id), bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const dataset: DatasetRecord = {
    id,
    team,
    name,
    state: 'ready',
    description: '',
    sizeBytes: bytes.length,
    sha256,
    format,
    rows: rows.length,
    findings: [],
    createdAt: new Date(world.now()).toISOString(),
    createdBy: caller.keyId,
    file: { path: 'data.jsonl', sizeBytes: bytes.length, sha256, blob: { key, versionId } },
    uploadId: '',
  };
  await commit(world, caller, { action: 'dataset.create', resource: `datasets/${name}` }, [datasetWrite(dataset)]);
  return dataset;
}
