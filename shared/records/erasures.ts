import { z } from 'zod';
import { erasureSchema, type Erasure } from '../contract/erasures.ts';
import type { Lineage } from '../contract/versions.ts';
import { DomainError } from '../errors.ts';
import type { RecordTable, RecordWrite, StoredRecord } from '../platform/ports.ts';
import { keys, timeSort } from './keys.ts';
import { recordValue, stored, type Stored } from './stored.ts';

const erasureRecord = erasureSchema.extend({ team: z.string() });
export type ErasureRecord = z.output<typeof erasureRecord>;

const erasedIds = z.object({ datasets: z.record(z.string(), z.string()) });

export async function findErasure(
  table: RecordTable,
  team: string,
  datasetId: string,
): Promise<Stored<ErasureRecord> | undefined> {
  const record = await table.get(keys.erasure(team, datasetId));
  return record && readErasure(record);
}

export function readErasure(record: StoredRecord): Stored<ErasureRecord> {
  return stored(erasureRecord, record);
}

/** A new erasure, or a change of the one of this revision. Until it is over, the sweep looks after it. */
export function erasureWrite(value: ErasureRecord, revision?: number): RecordWrite {
  const { team, id, startedAt, state } = value;
  return {
    put: {
      key: keys.erasure(team, id),
      value: recordValue(value),
      ...(state === 'erasing' ? { index1: { partition: keys.activeErasures, sort: timeSort(startedAt, id) } } : {}),
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

export function presentErasure(value: ErasureRecord): Erasure {
  const { team: _, ...shown } = value;
  return shown;
}

/** Datasets of a team that were erased, by id, with their names: one record, which everything that is given out is held against. */
export async function erasedDatasets(
  table: RecordTable,
  team: string,
): Promise<Stored<Readonly<Record<string, string>>>> {
  const record = await table.get(keys.erased(team));
  return record
    ? { value: erasedIds.parse(record.value).datasets, revision: record.revision }
    : { value: {}, revision: 0 };
}

export function erasedWrite(
  team: string,
  { value, revision }: Stored<Readonly<Record<string, string>>>,
  { id, name }: { readonly id: string; readonly name: string },
): RecordWrite {
  return {
    put: { key: keys.erased(team), value: { datasets: { ...value, [id]: name } } },
    condition: revision === 0 ? { ifAbsent: true } : { ifRevision: revision },
  };
}

/** Something that may descend from datasets. */
export interface Descendant {
  readonly team: string;
  readonly lineage: Lineage;
  /** Every dataset of the team that it descends from, by id, as far as that was known when it was published; absent: an earlier release did that. */
  readonly datasetRoots?: readonly string[] | undefined;
  /** Every one of other teams, by what they share; absent: none. */
  readonly otherRoots?: readonly DatasetRoot[] | undefined;
}

export const datasetRootSchema = z.object({ team: z.string(), id: z.string() });

/** A dataset that something descends from. */
export type DatasetRoot = z.output<typeof datasetRootSchema>;

/** Throws `DomainError('erased')` for what descends from a dataset that was erased, by whichever team. */
export async function refuseErased(table: RecordTable, descendant: Descendant, what: string): Promise<void> {
  const roots = rootsOf(descendant);
  const { team } = descendant;
  for (const owner of new Set([team, ...roots.map((root) => root.team)])) {
    const { value: erased } = await erasedDatasets(table, owner);
    const name = roots.filter((root) => root.team === owner).flatMap(({ id }) => erased[id] ?? [])[0];
    if (name === undefined) continue;
    const dataset = owner === team ? `the dataset "${name}"` : 'a dataset of another team';
    throw new DomainError('erased', `${what} descends from ${dataset}, which was erased: its bytes are gone for good.`);
  }
}

/** Throws the same for a dataset itself. */
export async function refuseErasedDataset(
  table: RecordTable,
  { team, id, name }: { readonly team: string; readonly id: string; readonly name: string },
): Promise<void> {
  if ((await erasedDatasets(table, team)).value[id] !== undefined)
    throw new DomainError('erased', `The dataset "${name}" was erased: its rows are gone for good.`);
}

export function rootsOf({ team, lineage, datasetRoots, otherRoots = [] }: Descendant): readonly DatasetRoot[] {
  const own = datasetRoots ?? (lineage.datasets ?? []).map(({ id }) => id);
  return [...own.map((id) => ({ team, id })), ...otherRoots];
}
