import { z } from 'zod';
import { baseSchema, type Base } from '../contract/bases.ts';
import { DomainError } from '../errors.ts';
import type { JsonObject, RecordTable, RecordWrite, StoredRecord } from '../platform/ports.ts';
import { datasetRootSchema, refuseErased } from './erasures.ts';
import { keys, lists } from './keys.ts';
import { blobRefSchema, presentFile, storedFileSchema } from './stored-file.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const baseRecord = baseSchema.extend({
  team: z.string(),
  files: z.array(storedFileSchema),
  /** Name, type and shape of every tensor, as JSON; null until it is ready. */
  tensors: blobRefSchema.nullable(),
  /** Where its files come from, while it is a draft that they are sent to. */
  uploadId: z.string().nullable(),
  /** Datasets that it descends from, by id, where a job has made it. */
  datasetRoots: z.array(z.string()).optional(),
  /** Datasets of other teams that it descends from. */
  otherRoots: z.array(datasetRootSchema).optional(),
});
export type BaseRecord = z.output<typeof baseRecord>;

/** A base whose import is over: everything about it is known. */
export type ReadyBase = BaseRecord & { readonly [K in 'sha256' | 'tensors']: NonNullable<BaseRecord[K]> };

export async function findBase(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<BaseRecord> | undefined> {
  const record = await table.get(keys.base(team, name));
  return record && readBase(record);
}

/** Throws `DomainError('not-found' | 'erased')`. */
export async function getBaseRecord(table: RecordTable, team: string, name: string): Promise<Stored<BaseRecord>> {
  const found = await findBase(table, team, name);
  if (!found) throw new DomainError('not-found', `There is no base "${name}".`);
  await refuseErased(table, found.value, `The base "${name}"`);
  return found;
}

/** A base that another call names. Throws `DomainError('no-such-base' | 'not-ready' | 'erased')`. */
export async function requireReadyBase(table: RecordTable, team: string, name: string): Promise<Stored<ReadyBase>> {
  const found = await findBase(table, team, name);
  if (!found) throw new DomainError('no-such-base', `There is no base "${name}": add it first, or choose another one.`);
  await refuseErased(table, found.value, `The base "${name}"`);
  return { value: readyBase(found.value), revision: found.revision };
}

/** Throws `DomainError('not-ready')`. */
export function readyBase(base: BaseRecord): ReadyBase {
  const { state, sha256, tensors } = base;
  if (state === 'ready' && sha256 !== null && tensors !== null) return { ...base, sha256, tensors };
  const next = state === 'failed' ? 'its findings say why; delete it and add it again' : 'wait until it is';
  throw new DomainError('not-ready', `The base "${base.name}" is not ready (${state}): ${next}.`);
}

/** The record of a base that stands in another record. */
export function parseBase(value: JsonObject): BaseRecord {
  return baseRecord.parse(value);
}

export function readBase(record: StoredRecord): Stored<BaseRecord> {
  return stored(baseRecord, record);
}

/** A new base, or a change of the one of this revision. */
export function baseWrite(value: BaseRecord, revision?: number): RecordWrite {
  return {
    put: {
      key: keys.base(value.team, value.name),
      value: recordValue(value),
      index1: { partition: lists.bases(value.team), sort: value.name },
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

export function presentBase(value: BaseRecord): Base {
  const {
    team: _team,
    tensors: _tensors,
    uploadId: _uploadId,
    datasetRoots: _datasetRoots,
    otherRoots: _otherRoots,
    files,
    ...shown
  } = value;
  return { ...shown, files: files.map(presentFile) };
}
