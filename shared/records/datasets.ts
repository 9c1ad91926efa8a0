import { z } from 'zod';
import { datasetSchema, type Dataset } from '../contract/datasets.ts';
import { DomainError } from '../errors.ts';
import type { JsonObject, RecordTable, RecordWrite, StoredRecord } from '../platform/ports.ts';
import { refuseErasedDataset } from './erasures.ts';
import { keys, lists } from './keys.ts';
import { storedFileSchema } from './stored-file.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const datasetRecord = datasetSchema.extend({
  team: z.string(),
  /** Null until it has been sent. */
  file: storedFileSchema.nullable(),
  uploadId: z.string(),
});
export type DatasetRecord = z.output<typeof datasetRecord>;

/** A dataset whose file has been read and found usable. */
export type ReadyDataset = DatasetRecord & {
  readonly [K in 'file' | 'format' | 'rows']: NonNullable<DatasetRecord[K]>;
};

export async function findDataset(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<DatasetRecord> | undefined> {
  const record = await table.get(keys.dataset(team, name));
  return record && readDataset(record);
}

/** Throws `DomainError('not-found' | 'erased')`. */
export async function getDatasetRecord(table: RecordTable, team: string, name: string): Promise<Stored<DatasetRecord>> {
  const found = await findDataset(table, team, name);
  if (!found) throw new DomainError('not-found', `There is no dataset "${name}".`);
  await refuseErasedDataset(table, found.value);
  return found;
}

/** A dataset that another call names. Throws `DomainError('no-such-dataset' | 'not-ready' | 'erased')`. */
export async function requireReadyDataset(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<ReadyDataset>> {
  const found = await findDataset(table, team, name);
  if (!found)
    throw new DomainError('no-such-dataset', `There is no dataset "${name}": upload it first, or choose another one.`);
  await refuseErasedDataset(table, found.value);
  return { value: readyDataset(found.value), revision: found.revision };
}

/** Throws `DomainError('not-ready')`. */
export function readyDataset(dataset: DatasetRecord): ReadyDataset {
  const { state, file, format, rows } = dataset;
  if (state === 'ready' && file && format && rows !== null) return { ...dataset, file, format, rows };
  const next =
    state === 'rejected'
      ? 'its findings say why; delete it and upload a corrected one'
      : state === 'draft'
        ? 'send its file and complete the upload'
        : 'wait until it is';
  throw new DomainError('not-ready', `The dataset "${dataset.name}" is not ready (${state}): ${next}.`);
}

/** The record of a dataset that stands in another record. */
export function parseDataset(value: JsonObject): DatasetRecord {
  return datasetRecord.parse(value);
}

export function readDataset(record: StoredRecord): Stored<DatasetRecord> {
  return stored(datasetRecord, record);
}

/** A new dataset, or a change of the one of this revision. */
export function datasetWrite(value: DatasetRecord, revision?: number): RecordWrite {
  return {
    put: {
      key: keys.dataset(value.team, value.name),
      value: recordValue(value),
      index1: { partition: lists.datasets(value.team), sort: value.name },
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

export function presentDataset(value: DatasetRecord): Dataset {
  const { team: _team, file: _file, uploadId: _uploadId, ...shown } = value;
  return shown;
}
