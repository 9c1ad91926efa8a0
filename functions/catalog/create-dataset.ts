import { createDataset as operation } from '../../shared/contract/datasets.ts';
import { DomainError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { newId } from '../../shared/records/commit.ts';
import {
  datasetWrite,
  findDataset,
  getDatasetRecord,
  presentDataset,
  type DatasetRecord,
} from '../../shared/records/datasets.ts';
import { presentUpload } from '../../shared/records/present-upload.ts';
import { commitStored } from '../../shared/records/transact-stored.ts';
import { dropUnbegun, getUploadRecord, openUpload } from '../../shared/records/uploads.ts';
import { creator } from '../http/handler.ts';

export const createDataset = creator(
  operation,
  async ({ world }, caller, { body }) => {
    const { name, description, file } = body;
    const { team } = caller;
    if (await findDataset(world.table, team, name)) throw nameTaken(name);
    const id = newId(world, 'dat');
    const target = { kind: 'dataset', dataset: name, datasetId: id } as const;
    const { upload, writes, room } = await openUpload(world, caller, target, [file]);
    const dataset: DatasetRecord = {
      id,
      team,
      name,
      state: 'draft',
      description,
      sizeBytes: file.sizeBytes,
      sha256: file.sha256,
      format: null,
      rows: null,
      findings: [],
      createdAt: new Date(world.now()).toISOString(),
      createdBy: caller.keyId,
      file: null,
      uploadId: upload.id,
    };
    const change = { action: 'dataset.create', resource: `datasets/${name}`, created: name };
    try {
      await commitStored(world, caller, change, [datasetWrite(dataset), ...writes], [room]);
    } catch (error) {
      await dropUnbegun(world, upload, error);
      if (error instanceof ConditionError && error.failed.includes(0)) throw nameTaken(name);
      throw error;
    }
    return { dataset: presentDataset(dataset), upload: await presentUpload(world, upload) };
  },
  async ({ world }, { team }, created) => {
    const { value } = await getDatasetRecord(world.table, team, created);
    const upload = await getUploadRecord(world.table, team, value.uploadId);
    return { dataset: presentDataset(value), upload: await presentUpload(world, upload.value) };
  },
);

const nameTaken = (name: string): DomainError =>
  new DomainError(
    'name-taken',
    `There is a dataset "${name}" already: choose another name, or delete that one first; a dataset never changes.`,
  );
